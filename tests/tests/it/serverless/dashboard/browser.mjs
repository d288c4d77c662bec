// A browser, and the page in it as somebody sees it who has the key or not.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after } from 'node:test';

const require = createRequire(`${process.env.TEST_NODE_PACKAGES}/`);
const { chromium } = require('playwright-core');

export const axe = require('axe-core').source;
export const URL_OF_PAGE = process.env.DASHBOARD_URL;
export const KEY = process.env.DASHBOARD_KEY;
export const PICTURES = process.env.DASHBOARD_PICTURES;
/** In the registry's order. */
export const DATA_TYPES = process.env.DASHBOARD_DATA_TYPES.split(' ');

const browser = await chromium.launch({ executablePath: process.env.TEST_CHROMIUM });
after(() => browser.close());

/**
 * Runs `look` with a page of a session of its own. Whatever the browser complains about, a
 * policy that was broken and a script that threw among it, fails it; `expected` are texts of
 * complaints that belong to the test. The browser itself notes each answer that is an error.
 */
export async function withPage(options, look) {
  const { expected = [], prepare, clock, ...settings } = options;
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...settings });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  const addresses = new Set();
  page.on('request', (request) => addresses.add(new URL(request.url()).origin));
  try {
    if (clock) await page.clock.install();
    await prepare?.(page);
    await page.goto(URL_OF_PAGE);
    await look(page);
    const unexpected = complaints.filter((text) => !expected.some((it) => text.includes(it)));
    assert.deepEqual(unexpected, []);
    assert.deepEqual([...addresses], [new URL(URL_OF_PAGE).origin], 'nothing is asked elsewhere');
  } finally {
    // A handler that is at work would find its answer gone, and nobody would catch that.
    await page.unrouteAll({ behavior: 'wait' });
    await context.close();
  }
}

export async function enter(page, key = KEY) {
  await page.getByLabel('The key of the routes').fill(key);
  await page.getByRole('button', { name: 'Open' }).click();
}

/** As `withPage`, with the key entered and everything loaded. */
export const withOpenPage = (options, look) => withPage(options, async (page) => {
  await enter(page);
  await loaded(page);
  await look(page);
});

/** The findings of the last data type are the last thing that is loaded. */
export async function loaded(page) {
  await card(page, DATA_TYPES.at(-1)).getByText(/open finding/).first().waitFor();
}

export const card = (page, dataType) => page.locator(`article[data-type="${dataType}"]`);

/** The route's answers, changed on their way: `change` gets the real body and returns another. */
export async function changing(page, route, change) {
  await page.route(new RegExp(`/api/sync/${route}`), async (asked) => {
    const response = await asked.fetch();
    const body = await response.json();
    await asked.fulfill({ response, json: change(body, asked.request()) ?? body });
  });
}

/** What the page asks to be done, from here on. */
export function asking(page) {
  const requests = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') requests.push({ path: new URL(request.url()).pathname, body: request.postData() });
  });
  return requests;
}

/** Answers a route in place of the server: for what the server here cannot be brought to answer. Returns the requests
 * that came. */
export async function playing(page, route, answer) {
  const requests = [];
  await page.route(new RegExp(`/api/sync/${route}`), async (asked) => {
    const request = asked.request();
    requests.push({ method: request.method(), path: new URL(request.url()).pathname, body: request.postData() });
    const { status = 200, json } = answer(requests.length);
    await asked.fulfill({ status, json });
  });
  return requests;
}

/** Waits until it is so, for 20 seconds at most or as long as is said; fails with what was found last. */
export async function eventually(what, find, isSo, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  let found;
  do {
    found = await find();
    if (isSo(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (Date.now() < end);
  assert.fail(`${what}: ${JSON.stringify(found)}`);
}
