// Slack's inline text as nodes: the elements of rich_text, mrkdwn, emoji and dates.

import { day, el, link, time, timeSeconds } from "./dom.js";

const EMOJI = Object.fromEntries(
  `robot_face 🤖 hourglass_flowing_sand ⏳ hourglass ⌛ double_vertical_bar ⏸️ speech_balloon 💬 white_check_mark ✅ ledger 📒 heavy_check_mark ✔️ x ❌
  grey_question ❔ question ❓ bust_in_silhouette 👤 busts_in_silhouette 👥 headphones 🎧 lock 🔒 eyes 👀 +1 👍 -1 👎
  tada 🎉 warning ⚠️ rotating_light 🚨 bell 🔔 raised_hand ✋ wave 👋 heart ❤️ fire 🔥 smile 😄 slightly_smiling_face 🙂
  joy 😂 thinking_face 🤔 pray 🙏 rocket 🚀 star ⭐ pushpin 📌 paperclip 📎 link 🔗 memo 📝 clock1 🕐 stopwatch ⏱️
  large_green_circle 🟢 large_yellow_circle 🟡 red_circle 🔴 large_blue_circle 🔵 white_circle ⚪ no_entry ⛔
  information_source ℹ️ arrow_right ➡️ package 📦 shopping_cart 🛒 telephone_receiver 📞 email 📧 mega 📣 zzz 💤`
    .trim()
    .split(/\s+/)
    .reduce((pairs, word, index, all) => (index % 2 ? pairs : [...pairs, [word, all[index + 1]]]), []),
);

export const emoji = (name) => EMOJI[name.replace(/^:|:$/g, "").split("::")[0]] ?? `:${name.replace(/^:|:$/g, "")}:`;

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code" };

/** One element of a rich_text section. */
export function inline(element, names) {
  return Object.entries(STYLES).reduce(
    (node, [style, tag]) => (element.style?.[style] ? el(tag, {}, node) : node),
    plain(element, names),
  );
}

function plain(element, names) {
  switch (element.type) {
    case "text":
      return document.createTextNode(element.text);
    case "link":
      return link(element.url, element.text);
    case "emoji":
      return el("span", { class: "emoji", title: `:${element.name}:` }, emoji(element.name));
    case "user":
      return mention(`@${names.users[element.user_id]?.name ?? element.user_id}`);
    case "usergroup":
      return mention(`@${names.usergroups[element.usergroup_id] ?? element.usergroup_id}`);
    case "channel":
      return mention(`#${names.channels[element.channel_id] ?? element.channel_id}`);
    case "broadcast":
      return mention(`@${element.range}`);
    case "date":
      return date(element.timestamp, element.format, element.url);
    case "color":
      return el("code", {}, element.value);
  }
  return el("span", { class: "unknown-inline", title: JSON.stringify(element) }, `[${element.type}]`);
}

const mention = (text) => el("span", { class: "mention" }, text);

function date(at, format, url) {
  const shown = format.replace(/\{(\w+)\}/g, (whole, token) => {
    if (token === "time") return time(at);
    if (token === "time_secs") return timeSeconds(at);
    const found = /^date(?:_(num|short|long|slash))?(_pretty)?$/.exec(token);
    return found ? day(at, found[1], Boolean(found[2])) : whole;
  });
  return url ? link(url, shown) : el("time", { datetime: new Date(at * 1000).toISOString() }, shown);
}

const MRKDWN =
  /```([^]*?)```|`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])|(?<!\w)_(\S(?:[^_\n]*\S)?)_(?!\w)|(?<!\w)~(\S(?:[^~\n]*\S)?)~(?!\w)|:([a-z0-9_+-]+):/g;

/** mrkdwn as a list of nodes; https://docs.slack.dev/messaging/formatting-message-text */
export function mrkdwn(text, names) {
  const nodes = [];
  let end = 0;
  for (const found of text.matchAll(MRKDWN)) {
    nodes.push(unescape(text.slice(end, found.index)));
    end = found.index + found[0].length;
    const [, fence, code, token, bold, italic, strike, name] = found;
    if (fence !== undefined) nodes.push(el("pre", {}, unescape(fence.replace(/^\n/, ""))));
    else if (code) nodes.push(el("code", {}, unescape(code)));
    else if (token) nodes.push(angled(token, names));
    else if (bold) nodes.push(el("strong", {}, mrkdwn(bold, names)));
    else if (italic) nodes.push(el("em", {}, mrkdwn(italic, names)));
    else if (strike) nodes.push(el("s", {}, mrkdwn(strike, names)));
    else nodes.push(emoji(name));
  }
  return [...nodes, unescape(text.slice(end))];
}

function angled(token, names) {
  const [target, label] = token.split("|", 2);
  const said = label && unescape(label);
  if (target.startsWith("@")) return mention(`@${said ?? names.users[target.slice(1)]?.name ?? target.slice(1)}`);
  if (target.startsWith("#")) return mention(`#${said ?? names.channels[target.slice(1)] ?? target.slice(1)}`);
  if (target.startsWith("!subteam^")) return mention(`@${said ?? names.usergroups[target.slice(9)] ?? target.slice(9)}`);
  if (target.startsWith("!date^")) {
    const [, at, format, url] = target.split("^");
    return date(Number(at), format, url);
  }
  if (target.startsWith("!")) return mention(`@${said ?? target.slice(1)}`);
  return /^(https?|mailto):/.test(target) ? link(unescape(target), said) : `<${unescape(token)}>`;
}

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

/** A text object, plain or mrkdwn, or a bare string. */
export function words(object, names) {
  if (!object) return [];
  if (typeof object === "string") return [object];
  if (object.type === "mrkdwn") return mrkdwn(object.text, names);
  const shown = object.emoji === false ? object.text : object.text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => {
    return EMOJI[name] ?? whole;
  });
  return [shown];
}
