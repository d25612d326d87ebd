// The colors of the system, light or dark, as those of style/base.css: RapiDoc takes them as attributes.

"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const colors = {
  light: ["light", "#ffffff", "#1a2027", "#0b5c86", "#f4f6f8", "#1a2027"],
  dark: ["dark", "#11161c", "#e7ecf1", "#4b94bd", "#1a2129", "#e7ecf1"],
};
const attributes = ["theme", "bg-color", "text-color", "primary-color", "nav-bg-color", "nav-text-color"];

function paint() {
  const page = document.querySelector("rapi-doc");
  colors[dark.matches ? "dark" : "light"].forEach((color, at) => page.setAttribute(attributes[at], color));
}

dark.addEventListener("change", paint);
paint();
