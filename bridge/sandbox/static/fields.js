// What can be filled in, in a modal.

import { unknown } from "./blocks.js";
import { el } from "./dom.js";
import { words } from "./text.js";

export const inputs = (blocks) => blocks.filter((block) => block.type === "input");

/** What is filled in, by action id. */
export function values(form, blocks) {
  const data = new FormData(form);
  return Object.fromEntries(inputs(blocks).map(({ element: { type, action_id } }) =>
    [action_id, type === "checkboxes" ? data.getAll(action_id) : data.get(action_id)]));
}

export function field(block, names) {
  const { element } = block;
  const id = `field-${block.block_id}`;
  const several = ["radio_buttons", "checkboxes"].includes(element.type);
  const label = [...words(block.label, names), block.optional ? el("small", {}, " (optional)") : null];
  const about = {
    id, name: element.action_id, required: !block.optional, "aria-describedby": `problem-${block.block_id}`,
  };
  return el(several ? "fieldset" : "div", { class: "field" },
    several ? el("legend", {}, label) : el("label", { for: id }, label),
    control(element, about, names),
    block.hint ? el("small", {}, words(block.hint, names)) : null,
    el("p", { class: "problem", id: `problem-${block.block_id}`, role: "alert" }));
}

const TYPES = { plain_text_input: "text", email_text_input: "email", url_text_input: "url", number_input: "number" };

function control(element, about, names) {
  const placeholder = element.placeholder?.text;
  switch (element.type) {
    case "plain_text_input":
    case "email_text_input":
    case "url_text_input":
    case "number_input":
      if (element.multiline) return el("textarea", { ...about, placeholder, rows: 3 }, element.initial_value ?? "");
      return el("input", { ...about, placeholder, type: TYPES[element.type], value: element.initial_value });
    case "static_select":
      return menu(about, placeholder, options(element).map(([value, text]) => [value, words(text, names)]),
        element.initial_option?.value);
    case "users_select":
      return menu(about, placeholder, Object.entries(names.users).filter(([, user]) => !user.bot)
        .map(([value, user]) => [value, user.name]), element.initial_user);
    case "radio_buttons":
      return ticks("radio", about, options(element), [element.initial_option?.value], names);
    case "checkboxes":
      return ticks("checkbox", about, options(element), (element.initial_options ?? []).map((one) => one.value), names);
  }
  return unknown(element, "field");
}

const options = (element) =>
  (element.option_groups ?? [element]).flatMap((group) => group.options).map(({ value, text }) => [value, text]);

const menu = (about, placeholder, choices, initial) =>
  el("select", about, el("option", { value: "" }, placeholder ?? "…"),
    choices.map(([value, text]) => el("option", { value, selected: value === initial }, text)));

const ticks = (type, { id, name, required }, choices, initial, names) =>
  choices.map(([value, text], index) => el("label", { class: "tick" },
    el("input", {
      type, name, value, checked: initial.includes(value), required: required && type === "radio", id: index ? null : id,
    }), words(text, names)));
