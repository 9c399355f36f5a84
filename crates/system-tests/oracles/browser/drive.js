// Drives Chromium as a subscriber would, one procedure per run.
//
//     node drive.js --home HOME [--arg CHROMIUM_ARGUMENT]... [--timeout MILLISECONDS] < steps.json
//
// TEGATA_CHROMIUM names the browser, TEGATA_PLAYWRIGHT the node_modules folder that holds
// playwright-core. HOME has the certificate store of home.sh.
//
// Standard input is a JSON list of steps; each step is an object with one key:
//     {"goto": {"url": URL}}
//     {"fill": {"label": TEXT | "selector": CSS, "value": TEXT}}
//     {"select": {"label" | "selector", "value": TEXT}}
//     {"check": {"label" | "selector"}}
//     {"click": {"text": TEXT | "selector": CSS}}
//     {"expectText": {"text": TEXT}}                 anywhere on the page, after waiting for it
//     {"download": {"click": {"text" | "selector"}, "path": FILE}}
//     {"screenshot": {"path": FILE}}                 the whole page
//     {"newTab": {}}  {"tab": {"index": N}}          steps go to this tab from now on
//
// Standard output has one JSON object per step: {"step", "do", "ok", "url", "title", …}. `goto` and
// `click` add the page's text, and `goto` its status. The first step that fails adds "error" and
// ends the run with exit code 1.

"use strict";

const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");
const { parseArgs } = require("util");

const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

/** The field with this label or selector. A label must match as a whole. */
function field(page, { label, selector }) {
  if (selector) return page.locator(selector);
  if (label) return page.getByLabel(label, { exact: true });
  throw new Error("a field needs a label or a selector");
}

/** What a person would click: a button or link with this text, or what the selector says. */
function target(page, { text, selector }) {
  if (selector) return page.locator(selector);
  if (!text) throw new Error("a click needs a text or a selector");
  const button = page.getByRole("button", { name: text, exact: true });
  const link = page.getByRole("link", { name: text, exact: true });
  return button.or(link);
}

async function shown(page) {
  return { text: await page.locator("body").innerText() };
}

const actions = {
  async goto(browser, { url }) {
    const response = await browser.page.goto(url);
    return { status: response && response.status(), ...(await shown(browser.page)) };
  },
  async fill(browser, step) {
    await field(browser.page, step).fill(step.value);
  },
  async select(browser, step) {
    await field(browser.page, step).selectOption(step.value);
  },
  async check(browser, step) {
    await field(browser.page, step).check();
  },
  async click(browser, step) {
    await target(browser.page, step).click();
    await browser.page.waitForLoadState();
    return shown(browser.page);
  },
  async expectText(browser, { text }) {
    if (!text) throw new Error("expectText needs a text");
    await browser.page.getByText(text).first().waitFor();
  },
  async download(browser, step) {
    const download = browser.page.waitForEvent("download");
    await Promise.all([download, target(browser.page, step.click).click()]);
    const file = await download;
    await file.saveAs(step.path);
    return { name: file.suggestedFilename(), bytes: fs.statSync(step.path).size };
  },
  async screenshot(browser, step) {
    await browser.page.screenshot({ path: step.path, fullPage: true });
  },
  async newTab(browser) {
    browser.page = await browser.context.newPage();
  },
  async tab(browser, { index }) {
    const page = browser.context.pages()[index];
    if (!page) throw new Error(`there is no tab ${index}`);
    browser.page = page;
    await page.bringToFront();
  },
};

async function run(browser, steps) {
  for (const [index, step] of steps.entries()) {
    const [name, ...more] = Object.keys(step);
    const result = { step: index, do: name, ok: true };
    try {
      if (!Object.hasOwn(actions, name) || more.length > 0) throw new Error("unknown step");
      Object.assign(result, await actions[name](browser, step[name]));
    } catch (error) {
      Object.assign(result, { ok: false, error: String(error.message || error).split("\n")[0] });
      Object.assign(result, await shown(browser.page).catch(() => ({})));
    }
    result.url = browser.page.url();
    result.title = await browser.page.title().catch(() => "");
    process.stdout.write(JSON.stringify(result) + "\n");
    if (!result.ok) return false;
  }
  return true;
}

async function main() {
  const { values } = parseArgs({
    options: {
      home: { type: "string" },
      arg: { type: "string", multiple: true, default: [] },
      timeout: { type: "string", default: "15000" },
    },
  });
  if (!values.home) throw new Error("--home is missing");
  const home = path.resolve(values.home);
  const load = createRequire(path.join(required("TEGATA_PLAYWRIGHT"), "here.js"));
  const { chromium } = load("playwright-core");

  const steps = JSON.parse(fs.readFileSync(0, "utf8"));
  const program = await chromium.launch({
    executablePath: required("TEGATA_CHROMIUM"),
    env: { ...process.env, HOME: home, XDG_DATA_HOME: path.join(home, ".local/share") },
    args: [...QUIET, ...values.arg],
  });
  try {
    const context = await program.newContext({ locale: "ja-JP", acceptDownloads: true });
    context.setDefaultTimeout(Number(values.timeout));
    const browser = { context, page: await context.newPage() };
    return await run(browser, steps);
  } finally {
    await program.close();
  }
}

main().then(
  (good) => process.exit(good ? 0 : 1),
  (error) => {
    process.stderr.write(`${error.message || error}\n`);
    process.exit(2);
  },
);
