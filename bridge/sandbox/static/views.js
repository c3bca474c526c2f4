// The app's Home, its modals, and the question that a button may ask first.

import { blocks } from "./blocks.js";
import { $ } from "./dom.js";
import { field, inputs, values } from "./fields.js";
import { words } from "./text.js";

export function wire(page) {
  $("home-open").onclick = () => openHome(page);
  const dialog = $("modal");
  const about = () => ({ view: dialog.dataset.view });
  const close = () => page.act("close", { user: page.ui.as, ...about() });
  $("modal-close").onclick = close;
  dialog.oncancel = (event) => { // Escape; it closes once the sandbox says so
    event.preventDefault();
    close();
  };
  $("modal-form").onsubmit = async (event) => {
    event.preventDefault();
    const view = page.state.slack.views.get(dialog.dataset.view)?.view;
    if (!view || $("modal-submit").disabled) return;
    $("modal-submit").disabled = true;
    const entered = values(event.target, view.blocks);
    await page.answered("submit", { ...about(), values: JSON.stringify(entered) });
    $("modal-submit").disabled = false;
  };
}

function openHome(page) {
  Object.assign(page.ui, { home: true, wanted: null });
  page.draw();
}

export function draw(page) {
  drawHome(page);
  drawModal(page);
}

const of = (page, type) => [...page.state.slack.views.values()].filter((one) => one.user === page.ui.as && one.view.type === type).at(-1);

const pressing = (page, view) => async (action_id, value, confirm) => {
  if (confirm && !(await ask(confirm, page.state.slack.names))) return;
  await page.answered("press-view", { view: view.id, action_id, ...(value ? { value } : {}) });
};

// ── Home ─────────────────────────────────────────────────────────────────────────────────────────

let homeOf = null; // whose Home was opened, which the app is told once

function drawHome(page) {
  const { state, ui } = page;
  $("home").hidden = !ui.home;
  $("home-open").textContent = $("home-name").textContent = state.slack.app;
  $("home-open").className = ui.home ? "open" : "";
  if (!ui.home) homeOf = null;
  else if (homeOf !== ui.as) {
    homeOf = ui.as;
    page.act("home", { user: ui.as });
  }
  const view = ui.home ? of(page, "home")?.view : null;
  const place = $("home-view");
  if (place.dataset.hash === (view?.hash ?? "")) return;
  place.dataset.hash = view?.hash ?? "";
  place.replaceChildren(view ? blocks(view.blocks, state.slack.names, pressing(page, view)) : "");
}

// ── modals ───────────────────────────────────────────────────────────────────────────────────────

function drawModal(page) {
  const { names } = page.state.slack;
  const dialog = $("modal");
  const shown = of(page, "modal");
  if (!shown) {
    dialog.close();
    return;
  }
  const { view, errors } = shown;
  if (dialog.dataset.hash !== view.hash) { // else what was typed would go with its field
    dialog.dataset.hash = view.hash;
    dialog.dataset.view = view.id;
    const press = pressing(page, view);
    const shownAs = (block) => block.type === "input" ? field(block, names) : blocks([block], names, press);
    $("modal-title").textContent = view.title.text;
    $("modal-view").replaceChildren(...view.blocks.map(shownAs));
    $("modal-submit").hidden = !view.submit;
    $("modal-submit").textContent = view.submit?.text ?? "";
    $("modal-close").textContent = view.close?.text ?? (view.submit ? "Cancel" : "Close");
  }
  for (const { block_id } of inputs(view.blocks)) $(`problem-${block_id}`).textContent = errors[block_id] ?? "";
  if (!dialog.open) dialog.showModal();
}

/** Whether the person goes on. */
export function ask({ title, text, confirm, deny, style }, names) {
  const dialog = $("ask");
  $("ask-title").textContent = title.text;
  $("ask-text").replaceChildren(...words(text, names));
  $("ask-confirm").textContent = confirm.text;
  $("ask-confirm").className = `button ${style ?? "primary"}`;
  $("ask-deny").textContent = deny.text;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
  });
}
