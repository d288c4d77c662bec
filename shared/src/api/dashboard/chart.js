// The last runs as bars, duration above and rows below, and the same as a table.

const RUNS = 30;
const BAR = 10;
const HEIGHT = 36;

const rowsOf = (run) => run.records_inserted + run.records_updated + run.records_unchanged
  + run.records_deleted + run.records_skipped;

/** Milliseconds; up to now where the run is on. */
const durationOf = (run) => Math.max(0,
  (run.finished_at ? Date.parse(run.finished_at) : now()) - Date.parse(run.started_at));

const OUTCOME = {
  success: { mark: '✓', word: 'success' },
  failed: { mark: '✗', word: 'failed' },
  cancelled: { mark: '■', word: 'cancelled' },
  in_progress: { mark: '▶', word: 'running' },
};
/** A run that somebody has cancelled is on record as failed, with that as its code; to a person it is no failure. */
const kindOf = (run) => (run.status === 'failed' && run.error_code === 'cancelled' ? 'cancelled' : run.status);
const outcomeOf = (run) => OUTCOME[kindOf(run)] ?? { mark: '?', word: String(run.status) };

/** One sentence with what the picture shows. */
function describeRuns(runs) {
  const many = (kind) => runs.filter((run) => kindOf(run) === kind).length;
  const [failed, cancelled] = [many('failed'), many('cancelled')];
  const longest = Math.max(...runs.map(durationOf));
  const most = Math.max(...runs.map(rowsOf));
  return `Last ${counted(runs.length, 'run')}: ${failed === 0 ? 'none' : count(failed)} failed, ${cancelled ? `${count(cancelled)} cancelled, ` : ''}`
    + `the longest took ${lasting(longest)}, the most rows were ${count(most)}.`;
}

/** The picture of runs, the latest of which come first. */
function drawRuns(runs) {
  const oldestFirst = runs.toReversed();
  const width = RUNS * BAR;
  const longest = Math.max(1, ...runs.map(durationOf));
  const most = Math.max(1, ...runs.map(rowsOf));
  const bars = oldestFirst.flatMap((run, place) => {
    const x = (RUNS - runs.length + place) * BAR + 1;
    const high = Math.max(1, (durationOf(run) / longest) * HEIGHT);
    const deep = (rowsOf(run) / most) * HEIGHT;
    const about = `${moment(run.started_at)}: ${outcomeOf(run).word}, ${lasting(durationOf(run))}, ${counted(rowsOf(run), 'row')}`;
    const group = draw('g', { class: `bar ${kindOf(run)}` },
      draw('title', {}, about),
      draw('rect', { class: 'duration', x, y: 12 + HEIGHT - high, width: BAR - 2, height: high }),
      draw('rect', { class: 'rows', x, y: 12 + HEIGHT + 2, width: BAR - 2, height: deep }));
    if (run.status !== 'success') {
      group.append(draw('text', { x: x + BAR / 2 - 1, y: 8 + HEIGHT - high, 'text-anchor': 'middle' }, outcomeOf(run).mark));
    }
    return group;
  });
  return draw('svg', {
    role: 'img', 'aria-label': describeRuns(runs), viewBox: `0 0 ${width} ${2 * HEIGHT + 16}`,
  }, draw('line', { x1: 0, x2: width, y1: HEIGHT + 13, y2: HEIGHT + 13 }), ...bars);
}

/** The runs in words and numbers. */
function listRuns(name, runs) {
  return makeWideTable(`Last runs of ${name}`,
    ['Started', 'Mode', 'Outcome', 'Took', 'Rows', 'New', 'Changed', 'Deleted', 'Rejected', 'Error'],
    runs.map((run) => [
      moment(run.started_at), run.mode, `${outcomeOf(run).mark} ${outcomeOf(run).word}`, lasting(durationOf(run)),
      count(rowsOf(run)), count(run.records_inserted), count(run.records_updated),
      count(run.records_deleted), count(run.records_skipped),
      run.error_code ? `${run.error_code}: ${run.error_message ?? ''}` : '–',
    ]));
}
