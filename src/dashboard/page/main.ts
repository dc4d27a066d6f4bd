/** Puts the page together: one store, the views that draw it, and which of them is shown (`#/` or `#/instance/NAME`). */
import { Blocked, Forms } from "./blocked.ts";
import { Detail } from "./detail.ts";
import { byId, h, setText } from "./dom.ts";
import { InstanceTable } from "./instances.ts";
import { Live } from "./live.ts";
import type { Model } from "./model.ts";
import { Notices } from "./notices.ts";
import { Overview } from "./overview.ts";
import { Restarts, SPANS } from "./restarts.ts";
import { atOnce, type Steps, Store, type View } from "./store.ts";
import { verdict } from "./words.ts";

// The script is `async`, so that it is no part of the task that ends the parsing; what it needs may not be there yet.
if (document.readyState === "loading")
  await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
const store = new Store();
const table = new InstanceTable(store);
const overview = new Overview({ verdict: byId("verdict"), facts: byId("facts"), tiles: byId("tiles") }, table);
const notices = new Notices(byId("notices"), byId("link"));
const restarts = new Restarts(store);
const forms = new Forms(byId("form"), store);
const blocked = new Blocked(store, forms);
let detail: Detail | null = null;

byId("table").append(table.element);
byId("lanes").append(restarts.element);
byId("destinations").append(blocked.element);
addSearch();
addSpans();
addEventListener("hashchange", () => route(true));
route(false);
const home = [atOnce((model) => overview.render(model)), ...[table, restarts, blocked].map((view) => stepsOf(view))];
for (const view of [atOnce(drawFrame), ...home.map(whenHome), drawDetail]) store.onChange(view);
void new Live(store).start();

function drawFrame(model: Model): void {
  notices.render(model);
  setText(byId("host"), model.host);
  const title = detail?.name ?? verdict(model.instances, model.status);
  document.title = model.host === "" ? title : `${title} · ${model.host}`;
}

function* drawDetail(model: Model): Steps {
  if (detail !== null) yield* detail.render(model);
}

function stepsOf(view: { render(model: Model): Steps }): View {
  return (model) => view.render(model);
}

/** What is on the first view is not drawn while an instance is looked at. */
function whenHome(view: View): View {
  return function* (model) {
    if (detail === null) yield* view(model);
  };
}

/** Which view the address names. `isMove`: a person went there, and the focus goes along. */
function route(isMove: boolean): void {
  const [, name] = /^#\/instance\/([^/]+)$/.exec(location.hash) ?? [];
  if (!location.hash.startsWith("#/") && location.hash !== "") return; // a place on the page
  detail?.close();
  detail = name === undefined ? null : new Detail(decodeURIComponent(name), store, forms);
  byId("overview").hidden = detail !== null;
  byId("detail").hidden = detail === null;
  byId("detail").replaceChildren(...(detail === null ? [] : [detail.element]));
  store.changed();
  if (!isMove) return;
  scrollTo(0, 0);
  if (detail === null) byId("main").focus({ preventScroll: true });
  else detail.title.focus({ preventScroll: true });
}

function addSearch(): void {
  const search = byId("search");
  if (!(search instanceof HTMLInputElement)) throw new Error("#search is an input");
  search.addEventListener("input", () => table.list({ text: search.value }));
  addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
    if (event.key !== "/" || isTyping || detail !== null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
  });
}

function addSpans(): void {
  const select = byId("span");
  if (!(select instanceof HTMLSelectElement)) throw new Error("#span is a select");
  select.append(
    ...SPANS.map(([span, words]) => h("option", { value: span, selected: words === "hour" }, `last ${words}`)),
  );
  select.addEventListener("change", () => restarts.show(Number(select.value)));
}
