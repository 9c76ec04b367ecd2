// The editor's one comfort beyond HTML: a problem leads to its line. Every page works without this file.
"use strict";

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  const text = document.getElementById("text");
  if (!link || !text) {
    return;
  }
  event.preventDefault();
  const lines = text.value.split("\n");
  const line = Math.min(Number(link.dataset.line), lines.length);
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const from = start + Math.max(0, Number(link.dataset.column || 1) - 1);
  text.focus();
  text.setSelectionRange(from, Math.max(from, start + lines[line - 1].length));
  text.scrollTop = Math.max(0, (line - 6) * (text.scrollHeight / lines.length));
});
