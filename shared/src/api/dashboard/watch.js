// Looks at the server again and again: often while something runs, seldom else, not at all
// while nobody sees the page, and less and less often while the server does not answer.

const OFTEN = 2000;
const SELDOM = 15_000;
const LONGEST_PAUSE = 60_000;
/** How often runs and findings are read again while a run is on: they grow with each page. */
const MEANWHILE = 20_000;

/** The data types that a status names, in the registry's order; one that this page does not know comes last. */
function inOrder(status) {
  const place = (dataType) => (DATA_TYPES.indexOf(dataType) + 1) || DATA_TYPES.length + 1;
  return Object.keys(status).sort((one, other) => place(one) - place(other));
}

const cards = new Map();
/** What runs and findings were last read for, by data type. */
const detailsOf = new Map();
let timer = 0;
let isLooking = false;
/** Whether somebody wants a look right after the one that is on. */
let isWanted = false;
let failures = 0;
/** Counts the times that the page was opened or locked: an answer of an earlier one is dropped. */
let visit = 0;

/** Looks now, or as soon as the look that is on is over. */
function soon() {
  isWanted = true;
  clearTimeout(timer);
  if (!isLooking) timer = setTimeout(watch, 0);
}

async function watch() {
  clearTimeout(timer);
  if (document.hidden || !getKey() || isLooking) return;
  isLooking = true;
  isWanted = false;
  const ours = visit;
  try {
    const status = await look('status');
    if (ours !== visit) return;
    showStatus(status);
    await readDetails(status, ours);
    if (ours === visit) endTrouble();
  } catch (failure) {
    if (ours === visit) showTrouble(failure);
  } finally {
    isLooking = false;
    if (isWanted) soon();
    else if (getKey() && !document.hidden) wait();
  }
}

function wait() {
  const isBusy = underWay > 0 || [...cards.values()].some((card) => isRunning(card.metadata));
  const pause = failures > 0 ? Math.min(LONGEST_PAUSE, OFTEN * 2 ** failures) : isBusy ? OFTEN : SELDOM;
  clearTimeout(timer);
  timer = setTimeout(watch, pause);
  setText(the('trouble-next'), `The next try is in ${lasting(pause)}.`);
}

function showStatus({ status, metadata, batch }) {
  const hasJustOpened = !the('door').hidden;
  the('door').hidden = true;
  the('data-types').hidden = false;
  if (hasJustOpened) the('data-types').focus();
  for (const dataType of inOrder(status)) {
    if (!cards.has(dataType)) {
      cards.set(dataType, new Card(dataType));
      the('data-types').append(cards.get(dataType).element);
    }
    const row = metadata.find((it) => it.data_type === dataType) ?? null;
    cards.get(dataType).show(status[dataType], row);
  }
  setText(the('overall'), describeAll(status, metadata, batch));
}

function describeAll(status, metadata, batch) {
  const states = Object.entries(status).map(([dataType, it]) => stateOf(it, metadata.find((row) => row.data_type === dataType)));
  const many = (state) => states.filter((it) => it === state).length;
  const unverified = metadata.filter((it) => status[it.data_type] === 'success' && hasUnmended(it)).length;
  const parts = [`${count(many('success') - unverified)} of ${counted(states.length, 'data type')} in order`];
  if (many('failed')) parts.push(`✗ ${count(many('failed'))} failed`);
  if (unverified) parts.push(`✗ ${count(unverified)} not reconciled`);
  if (many('cancelled')) parts.push(`■ ${count(many('cancelled'))} cancelled`);
  const stale = metadata.filter((it) => it.stale).length;
  const paused = metadata.filter((it) => it.paused_at).length;
  if (stale) parts.push(`✗ ${count(stale)} left by a function that is gone`);
  if (many('in_progress') > stale) parts.push(`▶ ${count(many('in_progress') - stale)} running`);
  if (paused) parts.push(`‖ ${count(paused)} paused`);
  if (batch?.status === 'in_progress') parts.push(`a sync of all: ${count(batch.done)} done, ${count(batch.toDo)} to do`);
  return `${parts.join(' · ')}. Looked at ${clock()}.`;
}

/** Runs and findings of what has changed, one request after the other: each that goes at the
 * same time would wake one more process of the function. */
async function readDetails({ status, metadata }, ours) {
  const seen = answered;
  const isChanged = underWay > 0 || seen !== answeredBefore;
  for (const dataType of inOrder(status)) {
    const row = metadata.find((it) => it.data_type === dataType);
    const version = JSON.stringify([status[dataType], row?.run_id, isRunning(row) ? Math.floor(now() / MEANWHILE) : row?.updated_at, row?.last_sync_timestamp]);
    // While something is asked for, a finding may end without a run.
    if (detailsOf.get(dataType) === version && !isChanged) continue;
    const { runs } = await look(`runs?dataType=${dataType}&limit=${RUNS}`);
    const findings = await readFindings(dataType);
    if (ours !== visit) return;
    cards.get(dataType).showRuns(runs);
    cards.get(dataType).showFindings(findings);
    detailsOf.set(dataType, version);
  }
  answeredBefore = seen;
}
/** How many requests had been answered when details were last read: the end of each is to be seen too. */
let answeredBefore = 0;

function showTrouble(failure) {
  if (failure.status === 401) return lock('The key is not accepted.');
  // A bug of this page is no trouble of the server's.
  if (!(failure instanceof Failure)) console.error(failure);
  failures += 1;
  const message = failure instanceof Failure ? failure.message : 'This page cannot read the answer.';
  setText(the('trouble-what'), `✗ ${message}${cards.size ? ' What is shown is older.' : ''}`);
  the('trouble').hidden = false;
}

function endTrouble() {
  if (failures > 0) tell('The server answers again.');
  failures = 0;
  the('trouble').hidden = true;
  setText(the('trouble-what'), '');
}

/** Forgets the key and all that was shown, and asks for the key. */
function lock(why) {
  visit += 1;
  clearTimeout(timer);
  forgetKey();
  if (the('confirmation').open) the('confirmation').close();
  for (const map of [cards, detailsOf, sightings]) map.clear();
  failures = 0;
  the('data-types').replaceChildren();
  the('data-types').hidden = true;
  the('page-buttons').hidden = true;
  the('trouble').hidden = true;
  the('news').replaceChildren();
  the('news-box').hidden = true;
  setText(the('overall'), '');
  setText(the('door-why'), why);
  the('door').hidden = false;
  the('key').focus();
}

function openPage() {
  visit += 1;
  the('page-buttons').hidden = false;
  soon();
}

the('door-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const key = the('key').value.trim();
  the('key').value = '';
  if (!isKey(key)) return setText(the('door-why'), 'A key has Latin letters, digits and signs, and no spaces.');
  setText(the('door-why'), '');
  keepKey(key);
  openPage();
});
the('try-now').addEventListener('click', soon);
document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : soon()));
the('page-buttons').append(
  makeButton('Sync all', () => ACTIONS.syncAll(), { 'data-action': 'syncAll' }),
  makeButton('Forget the key', () => lock('')),
);

if (getKey()) openPage();
else lock('');
