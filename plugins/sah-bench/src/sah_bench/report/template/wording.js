// Numbers as people read them, as in the other reports; "-" where there is none.
const NONE = "-";
const known = (value) => value !== null && value !== undefined;

function plusMinus(value, error, digits = 3, sign = "") {
  if (!known(value)) return NONE;
  const said = (value >= 0 ? sign : "") + value.toFixed(digits);
  return known(error) ? `${said} ± ${error.toFixed(digits)}` : said;
}

const signed = (value, error) => plusMinus(value, error, 3, "+");

function percent(value) {
  if (!known(value)) return NONE;
  if (value >= 0.9995) return "100 %";
  return `${(100 * value).toFixed(value >= 0.1 ? 1 : 2)} %`;
}

function duration(seconds, error) {
  if (!known(seconds)) return NONE;
  const digits = seconds >= 0.1 ? 0 : seconds >= 0.01 ? 1 : 2;
  return plusMinus(1000 * seconds, known(error) ? 1000 * error : null, digits);
}

const ratio = (value) => (known(value) ? `${value.toFixed(2)}x` : NONE);

function bytes(count) {
  if (!known(count)) return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (count >= 1024 && at < units.length - 1) { count /= 1024; at += 1; }
  return `${count.toFixed(at ? 1 : 0)} ${units[at]}`;
}

const plural = (count, one) => `${count.toLocaleString("en")} ${count === 1 ? one : `${one}s`}`;
