// How fast a run is and how long it will take, from what was seen of it lately.

/** What is older says nothing of the rate now. */
const MEMORY = 30_000;

/** What was seen of each run, by data type: `{ runId, phase, seen: [{ at, done }] }`. */
const sightings = new Map();

/** What the bar is about: the run, or, where that is not known to its end, the stream that is at work and those after it. */
function extentOf({ progress, streams }) {
  const { rows_done: done, rows_to_do: toDo } = progress;
  const open = streams.filter((stream) => !stream.window_done);
  const atWork = toDo === null ? open.find((stream) => stream.rows_to_do !== null) : undefined;
  if (!atWork) return { done, toDo, stream: null, next: [] };
  return {
    done: atWork.rows_done,
    toDo: atWork.rows_to_do,
    stream: atWork.stream,
    next: open.filter((it) => it !== atWork).map((it) => it.stream),
  };
}

/** Rate in rows a second and time left in milliseconds, each null where it is not known. */
function measure(metadata, startedAt, toDo) {
  const done = metadata.progress.rows_done;
  const phase = metadata.streams.map((stream) => `${stream.window_phase}${stream.window_done}`).join();
  const known = sightings.get(metadata.data_type);
  const isSame = known?.runId === metadata.run_id && known.phase === phase && known.seen.at(-1).done <= done;
  const seen = isSame ? known.seen.filter(({ at }) => at > Date.now() - MEMORY) : [];
  seen.push({ at: Date.now(), done });
  sightings.set(metadata.data_type, { runId: metadata.run_id, phase, seen });
  const rate = rateOf(seen) ?? (startedAt ? done / ((now() - Date.parse(startedAt)) / 1000) : null);
  const isUsable = rate !== null && Number.isFinite(rate) && rate > 0;
  return {
    rate: isUsable ? rate : null,
    left: isUsable && toDo !== null ? (toDo / rate) * 1000 : null,
  };
}

function rateOf(seen) {
  const [first, last] = [seen[0], seen.at(-1)];
  return last.at > first.at ? (last.done - first.done) / ((last.at - first.at) / 1000) : null;
}

/** The words beside the bar: of the stream at work alone where the others are not counted yet. */
function describeProgress({ done, toDo, stream, next }, { rate, left }) {
  const parts = [toDo === null ? `${counted(done, 'row')} done, the rest is being counted`
    : stream === null ? `${count(done)} of ${counted(done + toDo, 'row')}`
      : `${stream} ${count(done)} of ${count(done + toDo)}${next.length ? `, then ${next.join(', ')}` : ''}`];
  if (rate !== null) parts.push(`${count(rate < 10 ? Number(rate.toFixed(1)) : Math.round(rate))} rows a second`);
  if (left !== null) parts.push(stream === null && toDo === 0 ? 'about to end' : `about ${lasting(left)} left${stream === null ? '' : ` of ${stream}`}`);
  return parts.join(' · ');
}
