// How fast a run is and how long it will take, from what was seen of it lately.

/** What is older says nothing of the rate now. */
const MEMORY = 30_000;

/** What was seen of each run, by data type: `{ runId, phase, seen: [{ at, done }] }`. */
const sightings = new Map();

/** Rate in rows a second and time left in milliseconds, each null where it is not known. */
function measure(metadata, startedAt) {
  const { rows_done: done, rows_to_do: toDo } = metadata.progress;
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

/** The words beside the bar. */
function describeProgress({ rows_done: done, rows_to_do: toDo }, { rate, left }) {
  if (toDo === null) return `${counted(done, 'row')} done, the rest is being counted`;
  const parts = [`${count(done)} of ${counted(done + toDo, 'row')}`];
  if (rate !== null) parts.push(`${count(rate < 10 ? Number(rate.toFixed(1)) : Math.round(rate))} rows a second`);
  if (left !== null) parts.push(toDo === 0 ? 'about to end' : `about ${lasting(left)} left`);
  return parts.join(' · ');
}
