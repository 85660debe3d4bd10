"use strict";
// Sorts and filters the lists, which are whole and in order without it.
for (const controls of document.querySelectorAll(".controls")) {
  const list = document.getElementById(controls.dataset.of);
  const items = [...list.children];
  const [find, count] = [controls.querySelector("input"), controls.querySelector("output")];
  const selects = [...controls.querySelectorAll("select")];
  const buttons = [...controls.querySelectorAll("button")];
  const text = (item, part) => item.querySelector(part).textContent;
  const facts = new Map(items.map((item, place) => [item, {
    place,
    since: Number(item.dataset.since),
    heard: Number(item.dataset.heard),
    provider: text(item, ".provider-name"),
    name: text(item, ".id"),
    flags: text(item, ".codes"),
  }]));
  let words = null;

  const filter = () => {
    const wanted = find.value.trim().toLowerCase();
    if (wanted && !words) words = items.map((item) => item.textContent.toLowerCase());
    let shown = 0;
    items.forEach((item, place) => {
      const fits = (!wanted || words[place].includes(wanted)) &&
        selects.every((select) => !select.value || facts.get(item)[select.name].split(" ").includes(select.value));
      item.hidden = !fits;
      shown += fits;
    });
    count.textContent = shown === items.length ? `${shown}` : `${shown} of ${items.length}`;
  };

  const sort = (button) => {
    const [key, again] = [button.value, button.getAttribute("aria-pressed") === "true"];
    const turned = again && button.dataset.turned !== "true" ? -1 : 1;
    for (const other of buttons) { other.setAttribute("aria-pressed", other === button); delete other.dataset.turned; }
    if (turned < 0) button.dataset.turned = "true";
    const sorted = [...items].sort((one, other) => {
      const [a, b] = [facts.get(one), facts.get(other)];
      return turned * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : a.place - b.place);
    });
    list.append(...sorted);
  };

  find.addEventListener("input", filter);
  selects.forEach((select) => select.addEventListener("change", filter));
  buttons.forEach((button) => button.addEventListener("click", () => sort(button)));
  controls.hidden = false;
  filter();

  for (const pick of document.querySelectorAll(`.pick[data-of="${list.id}"]`)) {
    pick.hidden = false;
    pick.addEventListener("click", () => {
      find.value = "";
      for (const select of selects) select.value = pick.dataset[select.name];
      filter();
      controls.scrollIntoView();
    });
  }
}
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  for (const details of unfolded) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of unfolded) details.open = false;
});
