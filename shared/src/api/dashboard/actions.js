// What a person can do here: each says what will happen, asks the server, and tells what came
// of it. Nothing is asked twice by itself.

const NEWS = 20;

/** How many requests that change something have no answer yet. */
let underWay = 0;
/** How many have had one: what they have changed may show in no status, such as a finding that was dismissed. */
let answered = 0;

/** Puts a line on top of what happened; a screen reader reads it out. */
function tell(text, isBad = false) {
  const mark = make('span', { 'aria-hidden': 'true' }, isBad ? '✗ ' : '• ');
  the('news-box').hidden = false;
  the('news').prepend(make('li', { class: isBad ? 'bad' : null }, mark, `${clock()} ${text}`));
  while (the('news').children.length > NEWS) the('news').lastChild.remove();
}

/** Asks the server for something and tells what came of it. */
async function act(name, path, body) {
  tell(`${name}: asked for.`);
  underWay += 1;
  soon();
  try {
    const answer = await ask('POST', path, body);
    tell(`${name}: ${answer.message ?? 'done'}.${describeReplay(answer.data)}`);
  } catch (failure) {
    if (failure.status === 401) return lock('The key is not accepted any more.');
    tell(`${name}: ${failure.message}`, true);
  } finally {
    underWay -= 1;
    answered += 1;
    soon();
  }
}

/** What is left of dead letters, where the answer is about them. */
function describeReplay(data) {
  if (typeof data?.left !== 'number') return '';
  return ` ${counted(data.left, 'message is', 'messages are')} left${data.kept ? `, ${count(data.kept)} of which ${data.kept === 1 ? 'holds' : 'hold'} no request` : ''}.`;
}

async function actIfConfirmed(name, question, path, body) {
  const chosen = await confirmed({ title: `${name}?`, ...question });
  if (chosen) await act(name, path(chosen), body?.(chosen));
}

const rowsInOdoo = (metadata) => {
  const counts = (metadata?.streams ?? []).map((stream) => stream.source_count);
  return counts.length === 0 || counts.includes(null) ? null : counts.reduce((sum, it) => sum + it, 0);
};

const ACTIONS = {
  sync: (dataType) => actIfConfirmed(`Sync of ${dataType}`, {
    what: [`Reads what has changed in Odoo since the last sync of ${dataType} and writes it to the mirror.`,
      'It does no harm at any time. Where there was no sync yet, it reads everything.'],
    yes: 'Sync',
  }, () => dataType, () => ({ mode: 'incremental' })),

  full: (dataType, metadata) => actIfConfirmed(`Full sync of ${dataType}`, {
    what: [`Reads every row of ${dataType} from Odoo once more${rowsInOdoo(metadata) === null ? '' : ` (${counted(rowsInOdoo(metadata), 'row')})`}, whatever its change time.`,
      'Odoo has work to do meanwhile. Rows that differ are written, and nothing is deleted.'],
    yes: 'Read everything',
  }, () => dataType, () => ({ mode: 'full' })),

  reconcile: (dataType) => actIfConfirmed(`Reconcile ${dataType}`, {
    what: [`Compares ids and change times of all rows of ${dataType} with the mirror, and reads what is missing or differs.`,
      'Rows that Odoo no longer has are marked as deleted in the mirror (removed from it where SYNC_DELETE_MODE is hard). '
      + 'If that were more than the delete guard allows, nothing is deleted and the run fails.'],
    choices: [{
      name: 'confirmDeletes',
      label: 'Delete also more than the guard allows. Look at the rights and companies of Odoo’s user first: rows that it may not see look deleted.',
    }],
    yes: 'Reconcile',
  }, () => dataType, ({ confirmDeletes }) => ({ mode: 'reconcile', ...(confirmDeletes ? { confirmDeletes } : {}) })),

  reset: (dataType, metadata) => actIfConfirmed(`Reset ${dataType}`, {
    what: [`Forgets how far ${dataType} has been read, and from which Odoo. The rows of the mirror stay.`,
      'The next sync reads everything. What waits to run is forgotten.'],
    choices: isRunning(metadata) ? [{
      name: 'force',
      label: 'A sync is on: end it as failed. Without this the reset is refused.',
    }] : [],
    yes: 'Reset',
  }, ({ force }) => `reset/${dataType}${force ? '?force=true' : ''}`),

  cancel: (dataType) => actIfConfirmed(`Cancel the sync of ${dataType}`, {
    what: ['Ends the run that is on, which is then shown as cancelled. What it has written stays.',
      'The next sync looks anew for all that has changed since the last success and reads it from its first row; a first fill begins again.',
      'Pause first where the schedule is not to begin it again within minutes.'],
    yes: 'Cancel the sync',
  }, () => `cancel/${dataType}`),

  pause: (dataType) => actIfConfirmed(`Pause ${dataType}`, {
    what: [`Schedules and events start no sync of ${dataType} until it is resumed; the mirror gets older.`,
      'For a day no alarm rings for that; then they do, so that it is not forgotten.',
      'A run that is on goes on to its end.'],
    choices: [{ name: 'reason', label: 'Why (others will see it; may be empty)', longest: 500 }],
    yes: 'Pause',
  }, () => `pause/${dataType}`, ({ reason }) => (reason ? { reason } : {})),

  resume: (dataType) => actIfConfirmed(`Resume ${dataType}`, {
    what: [`Schedules and events start syncs of ${dataType} again. The next one reads what has changed meanwhile.`],
    yes: 'Resume',
  }, () => `resume/${dataType}`),

  replay: (dataType) => actIfConfirmed(`Replay dead letters of ${dataType}`, {
    what: [`Requests for ${dataType} that could not be delivered are sent once more and taken from the dead-letter queue.`,
      'Where there are none, nothing happens.'],
    yes: 'Replay',
  }, () => `replay/${dataType}`),

  syncAll: () => actIfConfirmed('Sync of all data types', {
    what: ['Starts an incremental sync of every data type, a few at a time, and looks at the end what rows refer to.'],
    yes: 'Sync all',
  }, () => 'all', () => ({ mode: 'incremental' })),

  retry: (finding) => act(`Retry of ${nameOf(finding)}`, `findings/${finding.id}/retry`),

  dismiss: (finding) => actIfConfirmed(`Dismiss ${nameOf(finding)}`, {
    what: [`${finding.reason}`, 'The finding is closed and nothing in the mirror changes. It comes back when its reason or its row changes.'],
    yes: 'Dismiss',
  }, () => `findings/${finding.id}/dismiss`),
};
