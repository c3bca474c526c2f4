// The left pane: who you are, channels, a channel's messages, a thread, and the reply box in it.

import { $, el, keep, time, toEnd } from "./dom.js";
import { node } from "./message.js";

const NOTE = "//";

export function wire(page) {
  $("thread-close").onclick = () => look(page, page.ui.channel, null);
  const text = $("reply-text");
  text.oninput = () => drawComposer(page);
  text.onkeydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("reply").requestSubmit();
  };
  $("reply").onsubmit = async (event) => {
    event.preventDefault();
    const { as: user, channel, thread: thread_ts } = page.ui;
    if (!text.value.trim()) return;
    const said = text.value;
    text.value = "";
    drawComposer(page);
    toEnd($("thread-messages"));
    if (!(await page.act("reply", { user, channel, thread_ts, text: said }))) text.value = said;
  };
}

/** Go where a person on the page clicked; nothing then leads away from it. */
function look(page, channel, thread) {
  Object.assign(page.ui, { channel, thread, home: false, wanted: null });
  page.draw();
}

/** Open the thread of the conversation that is wanted, once there is one. */
export function follow({ state, ui }) {
  if (!ui.wanted) return;
  const wanted = state.vendors.flatMap((vendor) => vendor.conversations).find((one) => one.id === ui.wanted);
  const id = wanted?.human_id ?? ui.wanted; // a human session of GPTBots is a conversation of its own
  for (const channel of state.slack.channels) {
    for (const message of channel.messages.values()) {
      if (!message.metadata?.event_payload?.card?.endsWith(`/${id}`)) continue;
      Object.assign(ui, { channel: channel.id, thread: message.ts, home: false, wanted: null });
      return;
    }
  }
}

export function draw(page) {
  const { state, ui } = page;
  $("team").textContent = state.slack.team;
  const seen = state.slack.channels.filter((one) => !one.is_private || one.members.includes(ui.as));
  drawSidebar(page, seen);
  $("channel").hidden = ui.home;
  const channel = seen.find((one) => one.id === ui.channel) ?? seen[0];
  ui.channel = channel.id;
  const messages = [...channel.messages.values()]
    .filter((one) => !one.is_ephemeral || one.to === ui.as)
    .sort((one, other) => (one.ts < other.ts ? -1 : 1));
  const replies = byThread(messages);
  if (!ui.home) ui.seen[channel.id] = messages.at(-1)?.ts ?? "";

  $("channel-name").textContent = `# ${channel.name}`;
  const inChannel = messages.filter((one) => !isReply(one) || one.subtype === "thread_broadcast");
  keep($("channel-messages"), inChannel.map((message) => {
    const answers = isReply(message) ? [] : (replies.get(message.ts) ?? []).filter((one) => !one.is_ephemeral);
    return { message, as: ui.as, replies: answers.length, last: answers.at(-1)?.ts, open: message.ts === ui.thread };
  }), (item) => item.message.ts, (item) => inTheChannel(page, item));

  const root = ui.home ? null : channel.messages.get(ui.thread);
  $("thread").hidden = !root;
  document.body.classList.toggle("in-thread", Boolean(root));
  if (!root) return;
  $("thread-channel").textContent = `# ${channel.name}`;
  const list = $("thread-messages");
  if (list.dataset.of !== root.ts) list.kept = undefined; // another thread: begin at its end
  if (list.dataset.of !== root.ts) list.replaceChildren();
  list.dataset.of = root.ts;
  const items = [root, ...(replies.get(root.ts) ?? [])].map((message) => ({ message, as: ui.as }));
  keep(list, items, (item) => item.message.ts, (item) => node(page, item.message, { inThread: true }));
  const status = state.slack.statuses.find((one) => one.channel === channel.id && one.thread_ts === root.ts);
  $("thread-status").textContent = status ? `${status.username ?? state.slack.app} ${status.status}` : "";
  drawComposer(page);
}

const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;

function byThread(messages) {
  const found = new Map();
  for (const one of messages.filter(isReply)) found.set(one.thread_ts, [...(found.get(one.thread_ts) ?? []), one]);
  return found;
}

function drawSidebar(page, channels) {
  const { state, ui } = page;
  keep($("channels"), channels.map((channel) => {
    const newest = [...channel.messages.keys()].reduce((one, other) => (one > other ? one : other), "");
    const { id, name, is_private: locked } = channel;
    const open = id === ui.channel && !ui.home;
    return { id, name, locked, open, unread: !open && newest > (ui.seen[id] ?? "") };
  }), (item) => item.id, (item) =>
    el("li", {}, el("button", {
      class: `${item.open ? "open" : ""} ${item.unread ? "unread" : ""}`,
      onclick: () => look(page, item.id, null),
    }, `${item.locked ? "🔒" : "#"} ${item.name}`)));
  keep($("people"), state.slack.people.map((id) => ({ id, ...state.slack.users[id], on: id === ui.as })),
    (item) => item.id, (item) => el("button", {
      role: "radio", "aria-checked": String(item.on), onclick: () => {
        ui.as = item.id;
        toEnd($("thread-messages"));
        page.draw();
      },
    }, el("span", { class: "presence", "aria-hidden": "true" }), item.name, item.from ? el("small", {}, ` (${item.from})`) : null));
}

function drawComposer(page) {
  const { state, ui } = page;
  const note = $("reply-text").value.trimStart().startsWith(NOTE);
  $("reply").classList.toggle("note", note);
  $("reply-send").textContent = note ? "Keep as note" : "Send";
  $("reply-hint").textContent = note ? "A note: it stays in this thread" : `${NOTE} makes it a note`;
  $("reply-text").placeholder = `Reply as ${state.slack.users[ui.as].name} …`;
}

function inTheChannel(page, { message, replies, last, open }) {
  const thread = isReply(message) ? message.thread_ts : message.ts;
  const more = replies || isReply(message)
    ? el("button", { class: "replies", onclick: () => look(page, page.ui.channel, thread) },
        isReply(message) ? "View thread" : `${replies} ${replies === 1 ? "reply" : "replies"}`,
        last ? el("small", {}, ` last at ${time(Number(last))}`) : null)
    : el("button", { class: "replies", onclick: () => look(page, page.ui.channel, thread) }, "Reply in thread");
  return node(page, message, { more, open });
}
