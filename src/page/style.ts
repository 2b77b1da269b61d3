/** The style of the page, for light and dark, and from 360 pixels on. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #fff; --card: #f5f6f8; --text: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --first: #1a6fb0; --second: #a3adb8; --problem: #b42318; --link: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #14171b; --card: #1d2126; --text: #e6e8eb; --soft: #a3adb8; --line: #3a4149;
    --first: #58a6e8; --second: #5f6b78; --problem: #ff8a80; --link: #7cc0ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; }
header p { margin: 0; color: var(--soft); flex: 1; min-width: 12rem; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; } h3 { font-size: 1rem; margin: 0; }
small, .note, .most { color: var(--soft); font-weight: normal; } .note { margin: 0 0 .75rem; font-size: .9rem; }
.tiles, .charts, .tables { display: grid; gap: 1rem; margin: 0 0 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); }
.charts, .tables { grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
.tiles div, figure, .table { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: 0; }
.tiles dt { color: var(--soft); font-size: .9rem; } .tiles dd { margin: 0; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
figcaption { font-weight: 600; display: flex; justify-content: space-between; gap: 1rem; flex-wrap: wrap; }
.most { font-size: .85rem; }
svg { display: block; width: 100%; height: 9rem; } svg text { fill: var(--soft); font-size: 10px; } svg line { stroke: var(--line); }
.part0 { fill: var(--first); } .part1 { fill: var(--second); }
.legend { margin: 0; font-size: .85rem; }
.legend span::before { content: ''; display: inline-block; width: .8em; height: .8em; margin-right: .3em; background: var(--first); }
.legend .key1::before { background: var(--second); } .legend span { margin-right: 1em; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .5rem .25rem 0; vertical-align: top; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); } tbody th { font-weight: normal; min-width: 9rem; }
thead th, td { overflow-wrap: normal; } td { font-variant-numeric: tabular-nums; } #found td { white-space: nowrap; }
#found tbody th { min-width: 16rem; }
summary { cursor: pointer; color: var(--link); font-size: .85rem; }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; } header form { display: block; }
section > form { max-width: 40rem; } section > form label { flex-basis: 100%; }
.login { max-width: 22rem; margin: 15vh auto 0; } .login form { flex-direction: column; align-items: stretch; margin-top: 1rem; }
input, textarea, select, button { font: inherit; color: inherit; background: var(--back); border: 1px solid var(--soft);
  border-radius: .35rem; padding: .4rem .6rem; min-width: 0; }
input, textarea { flex: 1; } textarea { flex-basis: 100%; }
button { background: var(--card); cursor: pointer; } .danger { border-color: var(--problem); color: var(--problem); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.problem { color: var(--problem); } progress { width: 100%; max-width: 40rem; margin-top: .75rem; }
dialog { background: var(--back); color: var(--text); border: 1px solid var(--soft); border-radius: .5rem; max-width: min(30rem, 92vw); }
dialog::backdrop { background: #0008; } dialog form { justify-content: flex-end; }
`;
