// Says what will happen and asks whether it shall.

let whenChosen = null;

/**
 * Resolves with the values of the choices by name, or with null where it shall not happen.
 * A choice is `{ name, label }`, a box to tick, or `{ name, label, longest }`, a text.
 */
function confirmed({ title: heading, what, yes, choices = [] }) {
  setText(the('confirmation-title'), heading);
  the('confirmation-what').replaceChildren(...what.map((text) => make('p', {}, text)));
  the('confirmation-choices').replaceChildren(...choices.map(makeChoice));
  setText(the('confirmation-yes'), yes);
  the('confirmation').showModal();
  return new Promise((resolve) => { whenChosen = resolve; });
}

function makeChoice({ name, label, longest }) {
  const input = longest
    ? make('input', { type: 'text', name, id: `choice-${name}`, maxlength: longest })
    : make('input', { type: 'checkbox', name, id: `choice-${name}` });
  const text = make('label', { for: `choice-${name}` }, label);
  return make('p', { class: longest ? 'text' : 'tick' }, ...(longest ? [text, input] : [input, text]));
}

function choose(isConfirmed) {
  const inputs = [...the('confirmation-choices').querySelectorAll('input')];
  const chosen = inputs.map((input) => [input.name, input.type === 'checkbox' ? input.checked : input.value.trim()]);
  const resolve = whenChosen;
  whenChosen = null;
  if (the('confirmation').open) the('confirmation').close();
  resolve?.(isConfirmed ? Object.fromEntries(chosen) : null);
}

the('confirmation-form').addEventListener('submit', (event) => {
  event.preventDefault();
  choose(true);
});
the('confirmation-no').addEventListener('click', () => choose(false));
// Escape closes it too.
the('confirmation').addEventListener('close', () => choose(false));
