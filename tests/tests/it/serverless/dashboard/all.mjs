// Every test of the dashboard, one after the other in one process: they share one browser and
// one server, and what one of them changes there, another one sees.

import './door.mjs';
import './policy.mjs';
import './cards.mjs';
import './looks.mjs';
import './keyboard.mjs';
import './weather.mjs';
import './actions.mjs';
