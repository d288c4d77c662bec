// How it looks: light, dark and on a phone, held against axe-core, with a picture of each.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { leaveRun, sql, takeRunAway } from './behind.mjs';
import { PICTURES, axe, card, withOpenPage, withPage } from './browser.mjs';

const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1024, height: 740 } },
  dark: { colorScheme: 'dark', viewport: { width: 1024, height: 740 } },
  phone: { colorScheme: 'light', viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true },
  'phone-dark': { colorScheme: 'dark', viewport: { width: 360, height: 780 }, reducedMotion: 'reduce' },
};

/** axe-core's rules for WCAG 2.2 AA and its best practices; whatever it finds is said. */
async function assertAccessible(page, what) {
  const { violations, passes } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  assert.ok(passes.length > 10, `${what}: it looked`);
  const found = violations.map(({ id, impact, nodes }) => `${what}: ${impact} ${id}: ${nodes.map((node) => node.html).join(' ').slice(0, 400)}`);
  assert.deepEqual(found, []);
}

const prepare = (page) => page.addInitScript(axe);

// Sales failed and transfers runs; one more data type is paused, and one left by a function that died.
describe('with a data type in each state', () => {
  before(async () => {
    await leaveRun('purchases');
    await sql("update odoo.sync_metadata set paused_at = now() - interval '2 hours', paused_by = '203.0.113.7', pause_reason = 'stocktaking' where data_type = 'warehouses'");
  });
  after(async () => {
    await takeRunAway('purchases');
    await sql("update odoo.sync_metadata set paused_at = null, paused_by = null, pause_reason = null where data_type = 'warehouses'");
  });

  for (const [name, look] of Object.entries(LOOKS)) {
    test(`it is readable and usable: ${name}`, () => withOpenPage({ ...look, prepare }, async (page) => {
      const { width } = look.viewport;
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, 'nothing sticks out');
      await page.screenshot({ path: `${PICTURES}/${name}.png` });
      await page.screenshot({ path: `${PICTURES}/${name}-whole.png`, fullPage: true });
      await assertAccessible(page, name);
      for (const details of await card(page, 'products').locator('details').all()) await details.locator('summary').click();
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, 'nothing sticks out of what is opened');
      await page.screenshot({ path: `${PICTURES}/${name}-opened.png`, fullPage: true });
      await assertAccessible(page, `${name}, opened`);
      await card(page, 'products').getByRole('button', { name: 'Reconcile' }).click();
      await page.screenshot({ path: `${PICTURES}/${name}-confirmation.png` });
      await assertAccessible(page, `${name}, confirmation`);
    }));
  }

  test('every state is said in words and not by colour alone', () => withOpenPage({}, async (page) => {
    const states = {
      categories: '✓ Success',
      warehouses: '✓ Success · ‖ Paused',
      products: '✓ Success',
      purchases: '▶ Running · ! nobody works on it',
      sales: '✗ Failed',
      transfers: '▶ Running',
    };
    for (const [dataType, state] of Object.entries(states)) assert.equal(await card(page, dataType).locator('.state').textContent(), state);
    assert.match(await page.locator('#overall').textContent(), /3 of 6 data types in order · ✗ 1 failed · ✗ 1 left by a function that is gone · ▶ 1 running · ‖ 1 paused/);
    await card(page, 'warehouses').getByText(/‖ Paused since .* by 203\.0\.113\.7: stocktaking/).waitFor();
    await card(page, 'purchases').getByText('The run’s function is gone.').waitFor();
    assert.deepEqual(await card(page, 'warehouses').getByRole('button').allTextContents(),
      ['Sync', 'Full', 'Reconcile', 'Reset', 'Resume', 'Replay dead letters']);
    assert.equal(await card(page, 'purchases').getByRole('button', { name: 'Sync', exact: true }).getAttribute('aria-disabled'), 'false',
      'any request goes on in it');
  }));
});

test('the question for the key is readable and usable', () => withPage({ prepare, colorScheme: 'dark' }, async (page) => {
  await assertAccessible(page, 'door');
}));

test('whatever can be pressed on a phone is large enough', () => withOpenPage(LOOKS.phone, async (page) => {
  const small = await page.locator('button:visible').evaluateAll((buttons) => buttons
    .filter((it) => it.getBoundingClientRect().height < 44).map((it) => it.textContent));
  assert.deepEqual(small, []);
}));
