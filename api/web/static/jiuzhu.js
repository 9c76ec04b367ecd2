// The little that HTML and htmx do not do themselves. Every page works without this file.
"use strict";

document.documentElement.classList.add("js");

// What a person is typing, or has folded open, is never replaced by what the server knew a moment ago.
const folded = new WeakSet();
const look = () => document.querySelectorAll("details").forEach((each) => folded.add(each));
if (window.Idiomorph) {
  Idiomorph.defaults.ignoreActiveValue = true;
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && folded.has(node));
}
document.addEventListener("DOMContentLoaded", look);

// After an answer the focus is where it was; if what had it is gone, it goes to the question that is next.
document.addEventListener("htmx:afterSettle", () => {
  look();
  if (document.activeElement === document.body) {
    document.querySelector(".ask.first :is(input, select)")?.focus();
  }
});

// `data-print`: print this page.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) {
    window.print();
  }
});

// An error of a part stays above the page until the next answer is good.
document.addEventListener("htmx:afterRequest", (event) => {
  const notice = document.getElementById("notice");
  if (notice && event.detail.successful) {
    notice.replaceChildren();
  } else if (notice && notice.firstElementChild) {
    notice.scrollIntoView({ block: "nearest" });
  }
});
