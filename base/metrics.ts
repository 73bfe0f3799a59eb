/** One Prometheus registry for the process. Names are `boilstream_<room>_<noun>_<unit>`. */
import { Registry } from 'prom-client';

export const metricsRegistry = new Registry();
