// One data type on the page. Its parts are made once and then changed in place, so that the
// focus and what somebody has opened stay where they are.

const STATES = {
  success: '✓ Success',
  failed: '✗ Failed',
  cancelled: '■ Cancelled',
  in_progress: '▶ Running',
  pending: '○ Not synced yet',
};

/** The status as a person takes it: one whose last run somebody has cancelled has not failed of itself. */
const stateOf = (status, metadata) => (
  status === 'failed' && metadata?.error_message?.startsWith('cancelled: ') ? 'cancelled' : status);

const isRunning = (metadata) => metadata?.sync_status === 'in_progress';
/** Whether the last reconcile has failed, whatever has succeeded since that does less. */
const hasUnmended = (metadata) => metadata?.last_reconcile?.status === 'failed';
const isPaused = (metadata) => Boolean(metadata?.paused_at);

class Card {
  constructor(dataType) {
    this.dataType = dataType;
    this.metadata = null;
    this.runs = [];
    this.shown = {};
    const id = `of-${dataType}`;
    this.state = make('p', { class: 'state' });
    this.freshness = make('p', {});
    this.notes = make('div', {});
    this.streams = make('div', {});
    this.bar = make('progress', { 'aria-labelledby': `${id}-progress` });
    this.headway = make('p', { id: `${id}-progress` });
    this.progress = make('div', { class: 'progress', hidden: true }, this.headway, this.bar);
    this.chart = make('div', { class: 'chart' });
    this.runTable = make('details', {}, make('summary', {}, 'Runs as a table'));
    this.findings = make('details', {}, make('summary', {}, 'Findings'));
    this.buttons = this.makeButtons();
    this.element = make('article', { 'aria-labelledby': id, 'data-type': dataType },
      make('div', { class: 'top' }, make('h2', { id }, title(dataType)), this.state),
      this.freshness, this.notes, this.progress, this.streams, this.chart, this.runTable, this.findings,
      make('div', { class: 'buttons', role: 'group', 'aria-labelledby': id }, ...Object.values(this.buttons)));
  }

  makeButtons() {
    const button = (label, name) => makeButton(label, () => ACTIONS[name](this.dataType, this.metadata), { 'data-action': name });
    return {
      sync: button('Sync', 'sync'),
      full: button('Full', 'full'),
      reconcile: button('Reconcile', 'reconcile'),
      reset: button('Reset', 'reset'),
      cancel: button('Cancel', 'cancel'),
      pause: button('Pause', 'pause'),
      resume: button('Resume', 'resume'),
      replay: button('Replay dead letters', 'replay'),
    };
  }

  /** What the status says; `metadata` is null where there was never a sync. */
  show(status, metadata) {
    const before = this.status;
    const state = stateOf(status, metadata);
    this.status = state;
    this.metadata = metadata;
    const isStale = Boolean(metadata?.stale);
    const words = [STATES[state] ?? state];
    if (isStale) words.push('! nobody works on it');
    if (isPaused(metadata)) words.push('‖ Paused');
    setText(this.state, words.join(' · '));
    this.state.className = `state ${isStale ? 'failed' : state}`;
    const last = metadata?.last_sync_timestamp;
    this.freshness.replaceChildren('Last success: ', makeTime(last));
    this.showNotes(metadata);
    this.showProgress(metadata);
    this.showStreams(metadata?.streams ?? []);
    this.showButtons(metadata);
    if (before && before !== state) tell(`${title(this.dataType)}: ${STATES[state] ?? state}.`, state === 'failed');
  }

  showNotes(metadata) {
    const notes = [];
    if (isPaused(metadata)) {
      const { paused_at: since, paused_by: who, pause_reason: why } = metadata;
      notes.push(`‖ Paused since ${moment(since)}${who ? ` by ${who}` : ''}${why ? `: ${why}` : ''}`);
    }
    if (metadata?.error_message) notes.push(`${{ failed: '✗', cancelled: '■' }[this.status] ?? '!'} ${metadata.error_message}`);
    if (hasUnmended(metadata) && !(this.status === 'failed' && metadata.error_message?.includes(metadata.last_reconcile.error_message))) {
      const { started_at: at, error_code: code, error_message: why } = metadata.last_reconcile;
      notes.push(`✗ The last reconcile (${moment(at)}) failed: ${code}: ${why ?? ''}`);
    }
    if (metadata?.pending_mode) notes.push(`A ${metadata.pending_mode} sync runs next.`);
    if (metadata?.pending_reconcile) notes.push('A reconcile waits to run.');
    if (metadata?.stale) notes.push('The run’s function is gone. The next sync, or the next schedule, goes on in it.');
    this.change('notes', notes, () => this.notes.replaceChildren(...notes.map((note) => make('p', { class: 'note' }, note))));
  }

  showProgress(metadata) {
    this.progress.hidden = !isRunning(metadata) || !metadata.progress;
    if (this.progress.hidden) return;
    const startedAt = this.runs.find((run) => run.run_id === metadata.run_id)?.started_at;
    const extent = extentOf(metadata);
    const { done, toDo } = extent;
    setText(this.headway, `${title(metadata.run_mode ?? 'sync')}: ${describeProgress(extent, measure(metadata, startedAt, toDo))}`);
    if (toDo === null) {
      this.bar.removeAttribute('value');
    } else {
      this.bar.max = Math.max(1, done + toDo);
      this.bar.value = done;
    }
  }

  showStreams(streams) {
    const rows = streams.map((stream) => [
      breakable(stream.stream), count(stream.mirror_count), describeSource(stream),
      stream.verified_at ? make('time', { datetime: stream.verified_at, title: moment(stream.verified_at) }, ago(stream.verified_at)) : 'not yet',
    ]);
    this.streams.hidden = rows.length === 0;
    this.streams.replaceChildren(makeTable(`Tables of ${this.dataType}`, ['Table', 'Rows here', 'Rows in Odoo', 'Verified'], rows));
  }

  showButtons(metadata) {
    const { sync, full, reconcile, cancel, pause, resume } = this.buttons;
    const isOn = isRunning(metadata) && !metadata.stale;
    const whyNot = isOn ? `A sync of ${this.dataType} is on.`
      : isPaused(metadata) ? `${title(this.dataType)} is paused: resume it first.` : null;
    for (const button of [sync, full, reconcile]) allow(button, whyNot);
    hide(cancel, !isRunning(metadata), sync);
    hide(pause, isPaused(metadata), resume);
    hide(resume, !isPaused(metadata), pause);
  }

  showRuns(runs) {
    this.runs = runs;
    this.change('runs', runs, () => {
      this.chart.replaceChildren(runs.length === 0 ? make('p', { class: 'quiet' }, 'No runs yet.') : make('figure', {},
        drawRuns(runs), make('figcaption', { class: 'quiet' }, 'Above: duration. Below: rows. ', describeRuns(runs))));
      this.runTable.hidden = runs.length === 0;
      this.runTable.lastChild.nodeName === 'SUMMARY' || this.runTable.lastChild.remove();
      this.runTable.append(listRuns(this.dataType, runs));
    });
  }

  showFindings(data) {
    this.change('findings', data, () => {
      const summary = this.findings.firstChild;
      const hadFocus = this.findings.contains(document.activeElement);
      setText(summary, describeFindings(data));
      while (this.findings.lastChild !== summary) this.findings.lastChild.remove();
      this.findings.append(data.findings.length === 0 ? make('p', {}, 'Every row is as it should be.') : listFindings(data));
      if (hadFocus) summary.focus();
    });
  }

  /** Draws only what differs from what is there. */
  change(what, data, drawIt) {
    const text = JSON.stringify(data);
    if (this.shown[what] === text) return;
    this.shown[what] = text;
    drawIt();
  }
}

/** The name of a table, which a phone may break behind an underscore. */
const breakable = (name) => make('span', {}, ...name.split(/(?<=_)/).flatMap((part) => [part, make('wbr')]));

/** Rows in Odoo, and by how much they differ from the rows here. */
function describeSource({ source_count: there, mirror_count: here }) {
  const differs = there !== null && here !== null && there !== here;
  return differs ? `${count(there)} (! ${count(Math.abs(there - here))} ${there > here ? 'more' : 'fewer'})` : count(there);
}

/** Hides a button; the focus goes where the next press makes sense. */
function hide(button, isHidden, next) {
  const hadFocus = document.activeElement === button;
  button.hidden = isHidden;
  if (isHidden && hadFocus) {
    next.hidden = false;
    next.focus();
  }
}
