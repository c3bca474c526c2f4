// What there is, what is looked at, and what the people on the page do. The server tells, the panes show.

import * as customers from "./customers.js";
import { $, el } from "./dom.js";
import * as slack from "./slack.js";
import * as views from "./views.js";

const state = { slack: null, vendors: [], wire: [] };

/**
 * `as` is who you are in Slack, `home` whether you look at the app's own place instead of a channel, and
 * `wanted` the conversation whose thread Slack opens as soon as there is one.
 */
const ui = { channel: null, thread: null, home: false, as: null, vendor: null, open: {}, wanted: null, seen: {} };

const page = { state, ui, act, answered, draw, want };

// ── what is told ─────────────────────────────────────────────────────────────────────────────────

function begin(snapshot) {
  const { channels, views, ...rest } = snapshot.slack;
  state.slack = {
    ...rest,
    people: Object.keys(rest.users).filter((id) => !rest.users[id].bot),
    names: { ...rest, channels: Object.fromEntries(channels.map((channel) => [channel.id, channel.name])) },
    views: new Map(views.map((one) => [one.view.id, one])),
    channels: channels.map((channel) => ({
      ...channel,
      messages: new Map(channel.messages.map((message) => [message.ts, message])),
    })),
  };
  state.vendors = snapshot.vendors;
  ui.channel ??= state.slack.channels[0].id;
  ui.as ??= state.slack.people[0];
  ui.vendor ??= state.vendors[0].name;
  const shown = customers.current(page);
  if (shown && !ui.thread) want(shown);
  draw();
}

function change(told) {
  if (told.from === "slack") changeSlack(told);
  else changeVendor(told);
  draw();
}

function changeSlack(told) {
  if (told.type === "view") state.slack.views.set(told.view.id, told);
  if (told.type === "view_closed") state.slack.views.delete(told.view);
  const channel = state.slack.channels.find((one) => one.id === told.channel);
  if (!channel) return;
  if (told.message) channel.messages.set(told.message.ts, told.message);
  else if (told.type === "delete") channel.messages.delete(told.ts);
  else if (told.type === "status") {
    const others = state.slack.statuses.filter(
      (one) => one.channel !== told.channel || one.thread_ts !== told.thread_ts,
    );
    state.slack.statuses = told.status ? [...others, told] : others;
  }
}

function changeVendor(told) {
  const vendor = state.vendors.find((one) => one.name === told.vendor);
  if (told.type === "conversation") vendor.conversations.push(told.conversation);
  if (told.type === "delivery") {
    state.wire = [{ ...told, label: vendor.label, key: `${told.id}/${told.attempt}` }, ...state.wire].slice(0, 12);
  }
  const conversation = vendor.conversations.find((one) => one.id === told.conversation_id);
  if (!conversation) return;
  if (told.type === "message") {
    const at = conversation.messages.findIndex((one) => one.id === told.message.id);
    conversation.messages.splice(at < 0 ? conversation.messages.length : at, at < 0 ? 0 : 1, told.message);
  } else if (told.type === "typing") {
    conversation.typing = told.on ? told.name : null;
  } else if (told.type === "state") {
    const { state: now, human_id, alive } = told;
    Object.assign(conversation, { state: now, human_id, alive });
    if (told.state === "handoff" && conversation === customers.current(page)) want(conversation);
  }
}

// ── what is looked at ────────────────────────────────────────────────────────────────────────────

function want(conversation) {
  ui.wanted = conversation.id;
}

let due = false;

function draw() {
  if (due || !state.slack) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    slack.follow(page);
    slack.draw(page);
    views.draw(page);
    customers.draw(page);
    drawWire();
  });
}

function drawWire() {
  $("wire").replaceChildren(
    ...state.wire.map((one) => {
      const fine = one.status >= 200 && one.status < 300;
      return el("li", { class: fine ? "fine" : "bad", title: `attempt ${one.attempt}: ${one.state}` },
        el("b", {}, one.label), ` ${one.kind} `, el("span", {}, `${one.status ?? "no answer"} in ${one.ms} ms`));
    }),
  );
}

// ── what is done ─────────────────────────────────────────────────────────────────────────────────

/** POST to /act/…; what it answered, or null after the page has said why not. */
async function act(name, values) {
  try {
    const answer = await fetch(`act/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(values),
    });
    const told = await answer.json();
    if (answer.ok) return told;
    say(told.error);
  } catch {
    say("The sandbox does not answer. Is bridge demo still running?");
  }
  return null;
}

/** The same for what the bridge has to answer; whether it was well. */
async function answered(name, values) {
  const told = await act(name, { user: ui.as, ...values });
  const well = told?.status === 200 && !told.reason;
  if (told && !well) say(`The bridge did not take it: ${told.reason ?? told.status}.`);
  return well;
}

let quiet;

function say(problem) {
  $("toast").textContent = problem;
  $("toast").hidePopover();
  $("toast").showPopover(); // anew: above a modal that was opened since
  clearTimeout(quiet);
  quiet = setTimeout(() => $("toast").hidePopover(), 5000);
}

function live(on) {
  $("live").textContent = on ? "live" : "reconnecting …";
  $("live").classList.toggle("on", on);
}

slack.wire(page);
views.wire(page);
customers.wire(page);

const events = new EventSource("events");
events.addEventListener("state", (event) => begin(JSON.parse(event.data)));
events.addEventListener("change", (event) => change(JSON.parse(event.data)));
events.addEventListener("open", () => live(true));
events.addEventListener("error", () => live(false));
