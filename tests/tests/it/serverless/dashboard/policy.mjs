// What the page may do, the browser allows, and nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { changing, card, withOpenPage } from './browser.mjs';

test('no text becomes markup or a script', () => withOpenPage({
  expected: ['Content Security Policy', 'TrustedHTML', 'TrustedScript', 'blocked', 'violates'],
}, async (page) => {
  const refused = await page.evaluate(() => {
    const attempts = {
      markup: () => { document.body.innerHTML = '<b>x</b>'; },
      script: () => {
        const script = document.createElement('script');
        script.append('window.broken = true');
        document.body.append(script);
        if (!window.broken) throw new Error('refused');
      },
    };
    return Object.entries(attempts).filter(([, attempt]) => {
      try { attempt(); return false; } catch { return true; }
    }).map(([name]) => name);
  });
  assert.deepEqual(refused, ['markup', 'script']);
}));

test('what a row’s message looks like does not matter', () => withOpenPage({
  prepare: (page) => changing(page, 'findings', (body) => {
    for (const finding of body.data.findings) finding.reason = '<img src=x onerror="window.broken = true"><b>bold</b>';
  }),
}, async (page) => {
  const details = card(page, 'products').locator('details').nth(1);
  await details.locator('summary').click();
  await details.getByText('<b>bold</b>').first().waitFor();
  assert.equal(await page.evaluate(() => window.broken), undefined);
}));
