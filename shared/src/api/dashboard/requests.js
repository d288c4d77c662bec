// Requests to the routes beside this page, with the key, which lives in the tab's session alone.

const KEY_NAME = 'odoo-supabase-sync.key';
/** API Gateway gives up after 30 seconds. */
const PATIENCE = 35_000;

/** A request that came to nothing. `status` is 0 where no answer came. */
class Failure extends Error {
  constructor(status, message, code = '') {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const getKey = () => sessionStorage.getItem(KEY_NAME);
const keepKey = (key) => sessionStorage.setItem(KEY_NAME, key);
const forgetKey = () => sessionStorage.removeItem(KEY_NAME);

/** A header takes no other characters. */
const isKey = (text) => /^[\x21-\x7e]+$/.test(text);

/** The answer's body. `path` is relative to `/api/sync/`, wherever that is served. */
async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${getKey()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    throw new Failure(0, 'The server cannot be reached.');
  }
  setClock(response.headers.get('date'));
  const answer = await response.json().catch(() => ({}));
  if (response.ok && answer.success === true) return answer;
  throw refusal(response.status, answer);
}

/** What our own answers and those of API Gateway say. */
function refusal(status, answer) {
  const error = answer.error;
  if (error && typeof error === 'object') {
    return new Failure(status, `${error.message} ${error.remedy} (${error.code})`, error.code);
  }
  if (status === 429) return new Failure(status, 'The server is asked too often (429).');
  if (status >= 500) return new Failure(status, `The server is not available (${status}).`);
  return new Failure(status, `The server answered something else (${status}).`);
}

/** The `data` of a route that only looks. */
const look = async (path) => (await ask('GET', path)).data;
