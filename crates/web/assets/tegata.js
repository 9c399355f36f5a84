// Helps where it can; every page works without it.
"use strict";

// A password field can be read by its owner.
document.querySelectorAll("[data-shows]").forEach(function (box) {
  var field = document.getElementById(box.getAttribute("data-shows"));
  if (!field) return;
  box.closest(".show").hidden = false;
  box.checked = false;
  box.addEventListener("change", function () {
    field.type = box.checked ? "text" : "password";
  });
});

// Four digits are allowed, but their owner should know what they are worth.
document.querySelectorAll("[data-four-digits]").forEach(function (field) {
  var note = document.getElementById(field.getAttribute("data-four-digits"));
  if (!note) return;
  var read = note.querySelector("input");
  field.addEventListener("input", function () {
    note.hidden = !/^[0-9]{4}$/.test(field.value);
    if (read) read.disabled = note.hidden;
  });
});

// 「この画面を印刷する」
document.querySelectorAll("[data-prints]").forEach(function (button) {
  button.hidden = false;
  button.addEventListener("click", function () {
    window.print();
  });
});

// What went wrong is read first.
var summary = document.getElementById("error-summary");
if (summary) summary.focus();
