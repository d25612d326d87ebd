// Everything works without this script. It copies texts, keeps a button from being pressed twice, prints, and follows a
// check while it runs, which otherwise reloads its page.

"use strict";

const texts = document.body.dataset;

for (const block of document.querySelectorAll("pre")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy quiet";
  button.textContent = texts.copy;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.textContent);
    button.textContent = texts.copied;
    setTimeout(() => (button.textContent = texts.copy), 2000);
  });
  block.before(button);
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

// A page that comes back from the browser's memory may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// The line that says how it went stays the same element: only then do screen readers read out that it changed.
function renew(shown, live) {
  const [was, is] = [shown, live].map((each) => each.querySelector("[role=status]"));
  if (was.textContent !== is.textContent) was.textContent = is.textContent;
  for (const part of ["h1", ".probes"]) shown.querySelector(part).replaceWith(live.querySelector(part));
  shown.append(...live.querySelectorAll(".actions"));
  if (!live.hasAttribute("data-live")) shown.removeAttribute("data-live");
}

async function follow() {
  const shown = document.querySelector("[data-live]");
  if (!shown) return;
  await new Promise((wake) => setTimeout(wake, 700));
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const live = page.querySelector("#live");
    if (!answer.ok || !live) return location.reload();
    renew(shown, live);
    document.title = page.title;
  } catch {
    // The network is away for a moment: the next attempt tells.
  }
  follow();
}

follow();
