// Little Markdown, as models write it: paragraphs, headings, lists, code, bold and italic. It is built of elements and
// text nodes only; links and HTML stay the letters that they are.

const FENCE = /^\s*\x60{3}/; // written so, a backquote opens no template for packing
const ITEM = /^\s*(?:[-*+]|(\d{1,9})[.)])\s+(.*)/;
const HEADING = /^#{1,6}\s+(.*)/;
const INLINE = /\x60([^\x60\n]+)\x60|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|\b_([^_\n]+)_\b/;

function markdown(text) {
  const lines = text.split("\n");
  const out = document.createDocumentFragment();
  let place = 0;
  const starts = (line) => FENCE.test(line) || ITEM.test(line) || HEADING.test(line);
  while (place < lines.length) {
    const line = lines[place];
    if (FENCE.test(line)) {
      let end = place + 1;
      while (end < lines.length && !FENCE.test(lines[end])) end += 1;
      out.append(codeBlock(lines.slice(place + 1, end).join("\n")));
      place = end + 1;
    } else if (ITEM.test(line)) {
      const [, first] = line.match(ITEM);
      const list = make(first ? "ol" : "ul", first ? { start: Number(first) } : {});
      for (let item; (item = lines[place]?.match(ITEM)) && !item[1] === !first; place += 1) {
        list.append(make("li", ...inline(item[2])));
      }
      out.append(list);
    } else if (HEADING.test(line)) {
      out.append(make("p", make("strong", ...inline(line.match(HEADING)[1]))));
      place += 1;
    } else if (line.trim()) {
      const paragraph = make("p");
      for (; lines[place]?.trim() && !starts(lines[place]); place += 1) {
        if (paragraph.hasChildNodes()) paragraph.append(make("br"));
        paragraph.append(...inline(lines[place]));
      }
      out.append(paragraph);
    } else place += 1;
  }
  return out;
}

function inline(text) {
  const parts = [];
  for (let match; (match = text.match(INLINE)); text = text.slice(match.index + match[0].length)) {
    const [, code, bold, star, line] = match;
    parts.push(text.slice(0, match.index));
    if (code !== undefined) parts.push(make("code", code));
    else if (bold !== undefined) parts.push(make("strong", ...inline(bold)));
    else parts.push(make("em", ...inline(star ?? line)));
  }
  return [...parts, text];
}

function codeBlock(text) {
  return make("div.code", make("pre", { tabIndex: 0 }, make("code", text)), copyButton(text));
}
