// The open findings of a data type, with what can be done about each.

const SEVERITY = { reject: '✗ reject', warning: '! warning' };

/** How many of each kind are listed. */
const FINDINGS = 20;

/** Such as `products 7`. */
const nameOf = (finding) => `${finding.stream} ${finding.odoo_id}`;

/** What is open of a data type, of each kind for itself: a row that is missing is not to be hidden by warnings, which are
 * seen again each time that their row is read. */
async function readFindings(dataType) {
  const ofKind = (severity) => look(`findings?dataType=${dataType}&severity=${severity}&limit=${FINDINGS}`);
  const rejects = await ofKind('reject');
  const warnings = await ofKind('warning');
  return {
    rejects: rejects.total,
    warnings: warnings.total,
    findings: [...rejects.findings, ...warnings.findings],
  };
}

/** The line above the list. */
function describeFindings({ rejects, warnings, findings }) {
  const total = rejects + warnings;
  if (total === 0) return '✓ No open findings';
  const shown = findings.length < total ? `, the latest ${count(findings.length)} shown` : '';
  return `${rejects ? '✗' : '!'} ${counted(total, 'open finding')} (${counted(rejects, 'reject')}, ${counted(warnings, 'warning')}${shown})`;
}

function listFindings({ findings }) {
  return make('ul', { class: 'findings' }, ...findings.map(makeFinding));
}

function makeFinding(finding) {
  const buttons = make('div', { class: 'buttons' });
  // A warning is looked at again whenever its row is read: there is nothing to try.
  if (finding.severity === 'reject') {
    buttons.append(makeButton('Retry', () => ACTIONS.retry(finding), { 'aria-label': `Retry ${nameOf(finding)}` }));
  }
  buttons.append(makeButton('Dismiss', () => ACTIONS.dismiss(finding), { 'aria-label': `Dismiss ${nameOf(finding)}` }));
  return make('li', {},
    make('p', {}, make('strong', {}, `${SEVERITY[finding.severity] ?? finding.severity} ${nameOf(finding)}`), ` (${finding.rule}): ${finding.reason}`),
    make('p', { class: 'quiet' }, 'First seen ', makeTime(finding.first_seen_at), ', last seen ', makeTime(finding.last_seen_at),
      finding.severity === 'reject' ? `, tried ${counted(finding.attempts, 'time')}` : ''),
    buttons);
}
