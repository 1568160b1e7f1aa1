// One dialog that asks: for a yes, a name or the token. Resolves with the text (or true), or null when it is left.

function ask({ title, text, yes, input, secret }) {
  const dialog = $("ask");
  const field = $("ask-input");
  $("ask-title").textContent = title;
  $("ask-text").textContent = text ?? "";
  $("ask-yes").textContent = yes;
  field.hidden = input === undefined;
  field.type = secret ? "password" : "text";
  field.value = input ?? "";
  dialog.returnValue = "";
  $("ask-yes").value = "yes";
  $("ask-no").onclick = () => dialog.close("");
  dialog.showModal();
  if (input === undefined) $("ask-yes").focus();
  else field.select();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue !== "yes" ? null : field.hidden ? true : field.value);
  });
}

// A small menu beside a button: [[words, action], ...].
function openMenu(opener, entries) {
  const menu = make("div.menu", { popover: "auto" });
  for (const [words, action] of entries) {
    menu.append(
      button(words, () => {
        menu.hidePopover();
        action();
      }),
    );
  }
  menu.ontoggle = (event) => {
    if (event.newState === "closed") menu.remove();
  };
  opener.after(menu);
  menu.showPopover();
  const place = opener.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(place.left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(place.bottom, innerHeight - menu.offsetHeight - 8))}px`;
  menu.firstElementChild.focus();
}
