// Every formula in the JSON file named on the command line must render in KaTeX at its strictest.
const katex = require('katex');
const formulas = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));
let bad = 0;
for (const formula of formulas) {
  try {
    katex.renderToString(formula, { displayMode: true, strict: 'error', throwOnError: true });
  } catch (error) {
    bad += 1;
    console.log(`${formula}\n  ${error.message}`);
  }
}
console.log(`${formulas.length} formulas, ${bad} of them not for KaTeX`);
process.exit(bad || !formulas.length ? 1 : 0);
