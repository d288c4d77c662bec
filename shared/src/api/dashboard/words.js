// Numbers, times and names in words. A time of the server is held against the server's clock.

const COUNT = new Intl.NumberFormat('en');
const MOMENT = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const CLOCK = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** How far this machine's clock is behind the server's, in milliseconds. */
let clockDifference = 0;

function setClock(date) {
  const server = Date.parse(date ?? '');
  if (!Number.isNaN(server)) clockDifference = server - Date.now();
}

const now = () => Date.now() + clockDifference;

const count = (number) => (number === null || number === undefined ? '–' : COUNT.format(number));

/** Such as `1 row`, `2 rows`. */
const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

const title = (dataType) => dataType.charAt(0).toUpperCase() + dataType.slice(1);

/** Milliseconds in words: `850 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`. */
function lasting(milliseconds) {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  if (milliseconds < 10_000) return `${Number((milliseconds / 1000).toFixed(1))} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

/** How long ago, such as `3 minutes ago`. */
function ago(time) {
  const seconds = Math.round((Date.parse(time) - now()) / 1000);
  const steps = [['day', 86_400], ['hour', 3600], ['minute', 60]];
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return RELATIVE.format(Math.trunc(seconds / size), unit);
  }
  return Math.abs(seconds) < 5 ? 'just now' : RELATIVE.format(seconds, 'second');
}

const moment = (time) => MOMENT.format(new Date(time));

/** The time of day now. */
const clock = () => CLOCK.format(new Date(now()));

/** A `time` element that says how long ago, and when. */
const makeTime = (time) => (time
  ? make('time', { datetime: time }, `${ago(time)} (${moment(time)})`)
  : make('span', {}, 'never'));
