'use strict';
// Elements from data. Text goes in as text alone: nothing here reads markup.

const SVG = 'http://www.w3.org/2000/svg';

/** The element of the frame with this id. */
const the = (id) => document.getElementById(id);

/** A new element: attributes by name (null and false are left out), children as nodes or texts. */
function make(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** As `make`, of SVG. */
function draw(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets a text only where it differs: a screen reader would read it out once more. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A button. One that does not fit now stays where the focus may be, and says why when pressed. */
function makeButton(label, press, attributes = {}) {
  const button = make('button', { type: 'button', ...attributes }, label);
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') === 'true') tell(button.title);
    else press();
  });
  return button;
}

/** Lets a button be pressed, or says why not. */
function allow(button, whyNot) {
  button.setAttribute('aria-disabled', whyNot ? 'true' : 'false');
  button.title = whyNot ?? '';
}

/** A table with a caption that only a screen reader reads, and one header a column. */
function makeTable(caption, columns, rows) {
  return make('table', {},
    make('caption', { class: 'unseen' }, caption),
    make('thead', {}, make('tr', {}, ...columns.map((name) => make('th', { scope: 'col' }, name)))),
    make('tbody', {}, ...rows.map(([first, ...rest]) => make('tr', {},
      make('th', { scope: 'row' }, first), ...rest.map((cell) => make('td', {}, cell))))));
}

/** As `makeTable`, for one that may be wider than its place: it can be scrolled by keys, too. */
const makeWideTable = (caption, columns, rows) => make('div', {
  class: 'wide', tabindex: 0, role: 'region', 'aria-label': caption,
}, makeTable(caption, columns, rows));
