// Words and values as messages write them, the same in every language.

const LONGEST = 60;

/** A text, cut when it is long. */
export function cut(text, longest = LONGEST, ending = "…") {
  const letters = [...text];
  return letters.length <= longest ? text : letters.slice(0, longest - ending.length).join("") + ending;
}

/** A path as people write it: `pytorch.kernels["model.layers.0"]`, "" for the whole document. */
export function dotted(path) {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[$\p{L}\p{N}_-]+$/u.test(part)) text += text ? `.${part}` : part;
    else text += `[${json(part)}]`;
  }
  return text;
}

/** A value as JSON; numbers that are not whole are written as Python writes them. */
export function json(value) {
  return typeof value === "number" ? number(value) : JSON.stringify(value);
}

function number(value) {
  if (Number.isInteger(value) && Math.abs(value) <= 2 ** 53) return String(value);
  const [digits, exponent] = value.toExponential().split("e");
  if (exponent >= -4 && exponent < 16) return String(value);
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** The option that was probably meant, null when none is near: 1 is the same word, 0 an altogether other one. */
export function closest(word, options, cutoff = 0.7) {
  const plain = new Map([...options].reverse().map((option) => [option.toLowerCase().replaceAll("-", "_"), option]));
  const wanted = [...cut(word, LONGEST, "").toLowerCase().replaceAll("-", "_")];
  let best = null;
  for (const name of plain.keys()) {
    const score = ratio([...name], wanted);
    if (score >= cutoff && (!best || score > best.score || (score === best.score && name > best.name))) {
      best = { name, score };
    }
  }
  return best && plain.get(best.name);
}

/** The share of two words that is the same: that of Python's difflib. */
function ratio(one, two) {
  const length = one.length + two.length;
  return length ? (2 * common(one, two)) / length : 1;
}

function common(one, two) {
  let [at, other, size] = [0, 0, 0];
  let before = [];
  for (let i = 0; i < one.length; i++) {
    const row = [];
    for (let j = 0; j < two.length; j++) {
      if (one[i] !== two[j]) continue;
      row[j] = (before[j - 1] ?? 0) + 1;
      if (row[j] > size) [at, other, size] = [i - row[j] + 1, j - row[j] + 1, row[j]];
    }
    before = row;
  }
  if (!size) return 0;
  return (
    size +
    common(one.slice(0, at), two.slice(0, other)) +
    common(one.slice(at + size), two.slice(other + size))
  );
}
