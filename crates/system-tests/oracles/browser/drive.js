// Drives Chromium as a subscriber would, one procedure per run.
//
//     node drive.js --home HOME [--ahead=SECONDS] [--cookies FILE] [--arg CHROMIUM_ARGUMENT]...
//                   [--timeout MILLISECONDS] < steps.json
//
// TEGATA_CHROMIUM names the browser, TEGATA_PLAYWRIGHT the node_modules folder that holds
// playwright-core and axe-core. HOME has the certificate store of home.sh. The browser's clock goes
// SECONDS ahead of the machine's, or behind it where they are negative (TEGATA_FAKETIME names
// libfaketime). Cookies come from FILE and go back there: the browser that was left open.
//
// Everything is done with the keyboard alone: Tab to the field or button, then type, Space or Enter.
// What cannot be reached so fails its step.
//
// Standard input is a JSON list of steps; each step is an object with one key:
//     {"goto": {"url": URL}}
//     {"fill": {"label": TEXT | "selector": CSS, "value": TEXT}}
//     {"select": {"label" | "selector", "value": TEXT}}
//     {"check": {"label" | "selector"}}
//     {"click": {"text": TEXT | "selector": CSS, "twice": true}}
//                                                    "twice": pressed again before there is an answer
//     {"expectText": {"text": TEXT}}                 anywhere on the page, after waiting for it
//     {"download": {"click": {"text" | "selector"}, "path": FILE, "orPage": true}}
//                                                    "orPage": or the page that comes instead
//     {"atName": {"from": URL, "to": URL}}           this page's address at another name of the site
//     {"back": {}}  {"reload": {}}                   a form behind the page is sent again
//     {"read": {}}                                   the page with what stands in its fields
//     {"wherever": {NUMBER: [STEP, ...], ...}}       the steps for the page with this 画面番号, which
//                                                    must be one of these
//     {"screenshot": {"path": FILE}}                 the whole page, and again at a zoom of 200 % as
//                                                    FILE-zoomed.png; it must pass axe-core and fit
//                                                    both widths without scrolling sideways
//     {"open": {"text": TEXT}}                       unfolds the part with this summary
//     {"newTab": {}}  {"tab": {"index": N}}          steps go to this tab from now on
//     {"twin": {}}                                   the same page once more, in a new tab
//     {"person": {"index": N}}                       another person, with cookies of her own: steps go
//                                                    to her tab from now on; the first is person 0
//     {"noScript": {}}                               the pages come without their scripts from now on
//
// A page that tries what its Content-Security-Policy forbids fails the step.
//
// Standard output has one JSON object per step: {"step", "do", "ok", "url", "title", …}. `goto`,
// `atName`, `click`, `back`, `reload` and `read` add the page's text, and the first two its status; `read`
// adds what stands in its "fields". `read` and `wherever` add the page's "number", and `wherever` adds "did",
// the results of its steps. The first step that fails adds "error" and ends the run with exit code 1.

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

const SCREEN = { width: 1280, height: 720 };
/** 1280 px at a zoom of 200 %. */
const ZOOMED = { width: 640, height: 360 };
/** More presses of a key than any page of ours has places to stop at. */
const MOST_STEPS = 400;
let AXE = "";

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

/** Presses `key` until `there` says that the focus is where it should be. */
async function walk(page, key, there, what) {
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    if (await there()) return;
    await page.keyboard.press(key);
  }
  throw new Error(`the keyboard does not reach ${what}`);
}

/** Moves the focus to an element with Tab; inside a group of radio buttons with the arrow keys. */
async function reach(page, locator, what) {
  await locator.first().waitFor();
  const focused = () => locator.first().evaluate((element) => element === document.activeElement);
  const isRadio = await locator.first().evaluate((element) => element.type === "radio");
  if (isRadio) {
    const inGroup = () =>
      locator.first().evaluate((element) => document.activeElement.name === element.name);
    await walk(page, "Tab", inGroup, what);
    await walk(page, "ArrowDown", focused, what);
  } else {
    await walk(page, "Tab", focused, what);
  }
}

/** Reaches a button or link and presses Enter, twice where the step says so. */
async function press(page, step) {
  await reach(page, target(page, step), step.text || step.selector);
  await page.keyboard.press("Enter");
  if (step.twice) await page.keyboard.press("Enter");
}

/** Waits for the page that Enter leads to; a button that leads nowhere is waited for in vain, shortly. */
async function arrive(page, act) {
  const left = page.waitForEvent("framenavigated", { timeout: 5000 }).catch(() => {});
  await act;
  await left;
  await page.waitForLoadState();
}

/**
 * Sends the form again that the browser asks about. The page that asks may only just be coming: a call that
 * comes between two pages reaches neither, and has sent nothing.
 */
async function sendAgain(page) {
  const isBetween = (error) => error.message.includes("Not attached to an active page");
  for (let tries = 0; tries < MOST_STEPS; tries += 1) {
    await page.waitForLoadState();
    const error = await page.reload().then(() => null, (error) => error);
    if (!error) return;
    if (!isBetween(error)) throw error;
    await page.waitForTimeout(20);
  }
  throw new Error("the form is not sent again");
}

/** The 画面番号 in the last line of a page of ours. */
function numberIn(foot) {
  return foot.replace("画面番号", "").trim();
}

/** Takes the picture at a width that everybody has, where nothing may stand beside the window. */
async function take(page, viewport, path) {
  await page.setViewportSize(viewport);
  // Two frames later everything is drawn at this width.
  await page.evaluate(
    () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))),
  );
  await page.screenshot({ path, fullPage: true });
  const [wide, room] = await page.evaluate(() => [
    document.scrollingElement.scrollWidth,
    document.scrollingElement.clientWidth,
  ]);
  if (wide > room) throw new Error(`the page is ${wide} px wide in a window of ${room} px`);
}

/** Lets a page that asks for itself again wait for its answer; the call that lets it go on. */
async function standStill(page) {
  let release;
  const looked = new Promise((resolve) => (release = resolve));
  await page.route("**", async (request) => {
    await looked;
    await request.continue();
  });
  return async () => {
    release();
    await page.unrouteAll({ behavior: "wait" });
  };
}

/** What pages tried that their Content-Security-Policy forbids, as the browser reports it. */
const forbidden = [];

/** Hears of it from now on, on every page of this person. */
function hearOfForbidden(context) {
  context.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) forbidden.push(message.text());
  });
}

/** What axe-core finds, as one line each. */
async function judge(page) {
  const before = forbidden.length;
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document));
  // What it puts into the page itself is not the page's.
  forbidden.length = before;
  return found.violations.flatMap((rule) =>
    rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 120)} (${rule.help})`),
  );
}

const actions = {
  async goto(browser, { url }) {
    const response = await browser.page.goto(url);
    return { status: response && response.status(), ...(await shown(browser.page)) };
  },
  async fill(browser, step) {
    const { page } = browser;
    await reach(page, field(page, step), step.label || step.selector);
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.press("Delete");
    await page.keyboard.insertText(step.value);
  },
  async select(browser, step) {
    const { page } = browser;
    const list = field(page, step);
    await reach(page, list, step.label || step.selector);
    const chosen = () =>
      list.evaluate(
        (element, value) =>
          element.value === value || element.selectedOptions[0].label === value,
        step.value,
      );
    await page.keyboard.press("Home");
    await walk(page, "ArrowDown", chosen, step.value);
  },
  async check(browser, step) {
    const { page } = browser;
    const box = field(page, step);
    await reach(page, box, step.label || step.selector);
    if (!(await box.isChecked())) await page.keyboard.press("Space");
    if (!(await box.isChecked())) throw new Error("the box stays empty");
  },
  async click(browser, step) {
    await arrive(browser.page, press(browser.page, step));
    // The first of two answers may still be on its way out.
    if (step.twice) await browser.page.waitForLoadState("networkidle");
    return shown(browser.page);
  },
  async atName(browser, { from, to }) {
    const url = browser.page.url();
    if (!url.startsWith(from)) throw new Error(`${url} is not at ${from}`);
    return actions.goto(browser, { url: to + url.slice(from.length) });
  },
  async back(browser) {
    const { page } = browser;
    // What answered a form is gone from the browser; whoever wants it back sends the form again.
    await page.goBack().catch(() => sendAgain(page));
    if (page.url() === "about:blank") await page.goForward();
    return shown(page);
  },
  async reload(browser) {
    await browser.page.reload();
    return shown(browser.page);
  },
  async read(browser) {
    const { page } = browser;
    // All at one moment, for some pages ask for themselves again; where it was just then, the next is read.
    const look = () =>
      page.evaluate(() => ({
        foot: document.querySelector(".screen-number").innerText,
        fields: [...document.querySelectorAll("input, textarea")].map((field) => field.value),
        text: document.body.innerText,
      }));
    const { foot, ...seen } = await look().catch(() => page.waitForLoadState().then(look));
    return { number: numberIn(foot), ...seen };
  },
  async wherever(browser, steps) {
    const here = numberIn(await browser.page.locator(".screen-number").innerText());
    if (!Object.hasOwn(steps, here)) throw new Error(`nobody said what to do at ${here}`);
    const did = [];
    for (const step of steps[here]) {
      const [name] = Object.keys(step);
      did.push({ do: name, ...(await actions[name](browser, step[name])) });
    }
    return { number: here, did };
  },
  async open(browser, { text }) {
    const { page } = browser;
    await reach(page, page.locator("summary").filter({ hasText: text }), text);
    await page.keyboard.press("Enter");
  },
  async expectText(browser, { text }) {
    if (!text) throw new Error("expectText needs a text");
    await browser.page.getByText(text).first().waitFor();
  },
  async download(browser, step) {
    const { page } = browser;
    const ways = [page.waitForEvent("download")];
    if (step.orPage) ways.push(page.waitForEvent("framenavigated").then(() => null));
    const came = Promise.any(ways);
    await Promise.all([came, press(page, step.click)]);
    const file = await came;
    if (!file) {
      await page.waitForLoadState();
      return shown(page);
    }
    await file.saveAs(step.path);
    return { name: file.suggestedFilename(), bytes: fs.statSync(step.path).size };
  },
  async screenshot(browser, step) {
    const { page } = browser;
    const goOn = await standStill(page);
    await take(page, ZOOMED, step.path.replace(/\.png$/, "-zoomed.png"));
    await take(page, SCREEN, step.path);
    const violations = await judge(page);
    await goOn();
    if (violations.length > 0) throw new Error(`axe-core: ${violations.join("; ")}`);
  },
  async newTab(browser) {
    browser.page = await browser.context.newPage();
  },
  async twin(browser) {
    const url = browser.page.url();
    browser.page = await browser.context.newPage();
    await browser.page.goto(url);
  },
  async person(browser, { index }) {
    const { people, here } = browser;
    people[here] = { context: browser.context, page: browser.page };
    people[index] ||= await browser.stranger();
    Object.assign(browser, people[index], { here: index });
  },
  async noScript(browser) {
    await browser.context.route(/\.js$/, (request) => request.abort());
  },
  async tab(browser, { index }) {
    const page = browser.context.pages()[index];
    if (!page) throw new Error(`there is no tab ${index}`);
    browser.page = page;
    await page.bringToFront();
  },
};

/** What lets the browser's clock go ahead of the machine's. */
function clock(ahead) {
  if (ahead === 0) return {};
  const offset = ahead < 0 ? `${ahead}` : `+${ahead}`;
  return { LD_PRELOAD: required("TEGATA_FAKETIME"), FAKETIME: offset };
}

/** The cookies of the run before, where there was one. */
function kept(cookies) {
  return cookies && fs.existsSync(cookies) ? cookies : undefined;
}

async function run(browser, steps) {
  for (const [index, step] of steps.entries()) {
    const [name, ...more] = Object.keys(step);
    const result = { step: index, do: name, ok: true };
    try {
      if (!Object.hasOwn(actions, name) || more.length > 0) throw new Error("unknown step");
      Object.assign(result, await actions[name](browser, step[name]));
      if (forbidden.length > 0) throw new Error(`forbidden by the page's policy: ${forbidden}`);
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
      ahead: { type: "string", default: "0" },
      cookies: { type: "string" },
      arg: { type: "string", multiple: true, default: [] },
      timeout: { type: "string", default: "15000" },
    },
  });
  if (!values.home) throw new Error("--home is missing");
  const home = path.resolve(values.home);
  const load = createRequire(path.join(required("TEGATA_PLAYWRIGHT"), "here.js"));
  const { chromium } = load("playwright-core");
  AXE = fs.readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");

  const steps = JSON.parse(fs.readFileSync(0, "utf8"));
  const program = await chromium.launch({
    executablePath: required("TEGATA_CHROMIUM"),
    env: {
      ...process.env,
      HOME: home,
      XDG_DATA_HOME: path.join(home, ".local/share"),
      ...clock(Number(values.ahead)),
    },
    args: [...QUIET, ...values.arg],
  });
  try {
    const desk = async (storageState) => {
      const context = await program.newContext({
        locale: "ja-JP",
        acceptDownloads: true,
        viewport: SCREEN,
        storageState,
      });
      hearOfForbidden(context);
      context.setDefaultTimeout(Number(values.timeout));
      return { context, page: await context.newPage() };
    };
    const first = await desk(kept(values.cookies));
    const good = await run({ ...first, people: [], here: 0, stranger: desk }, steps);
    if (values.cookies) await first.context.storageState({ path: values.cookies });
    return good;
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
