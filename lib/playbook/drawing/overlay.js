// Of the index of runs: those that are chosen in its table are drawn over one another. See overlay.py.
(() => {
  const curves = JSON.parse(document.getElementById('curves').textContent), box = document.getElementById('overlay');
  const table = [...document.querySelectorAll('table')].at(-1), W = 720, H = 310, L = 56, B = 44;
  const text = (x, y, words, more = '') => `<text x="${x}" y="${y}" ${more} font-size="12" fill="currentColor"></text>`
    .replace('></text>', '>' + words.replace(/&/g, '&amp;').replace(/</g, '&lt;') + '</text>');
  function draw() {
    const chosen = [...table.querySelectorAll('input:checked')].map(one => one.value).filter(id => curves[id]?.length);
    const points = chosen.flatMap(id => curves[id]);
    if (!points.length) { box.innerHTML = '<p>Choose runs on the left of the table below: their load curves appear here.</p>'; return; }
    const right = 1.08 * Math.max(...points.map(p => p[0]));
    const low = Math.log(Math.min(...points.map(p => p[1])) / 1.4), high = Math.log(Math.max(...points.map(p => p[1])) * 1.4);
    const x = rate => L + (W - L - 10) * rate / right, y = p99 => 10 + (H - B - 10) * (1 - (Math.log(p99) - low) / (high - low));
    let out = `<path d="M${L} 10V${H - B}H${W - 10}" fill="none" stroke="currentColor" stroke-opacity=".5"/>`;
    for (const tick of [.1,.2,.5,1,2,5,10,20,50,100,200,500,1000,2000,5000].filter(t => Math.log(t) > low && Math.log(t) < high))
      out += `<path d="M${L} ${y(tick)}H${W - 10}" stroke="currentColor" stroke-opacity=".15"/>` + text(L - 6, y(tick) + 4, `${tick}`, 'text-anchor="end"');
    for (const share of [.25, .5, .75, 1]) {
      const rate = Number((right * share / 1.08).toPrecision(2));
      out += text(x(rate), H - B + 16, rate.toLocaleString('en'), 'text-anchor="middle"');
    }
    out += text(L, H - 6, 'throughput (requests/s); upwards: p99 latency (ms) of VALID levels; dashed: open loops');
    chosen.forEach((id, n) => {
      const colour = `var(--s${n % 10})`;
      out += `<g style="stroke:${colour};fill:${colour}">`;
      for (const loop of ['closed', 'open']) {  // what a closed loop shows is no point of an open loop's curve
        const line = curves[id].filter(p => p[2] === loop).map(p => `${x(p[0])},${y(p[1])}`).join(' ');
        out += `<polyline points="${line}" fill="none" stroke-width="2" stroke-dasharray="${loop === 'open' ? '6 4' : 'none'}"/>`;
      }
      for (const p of curves[id]) out += `<circle cx="${x(p[0])}" cy="${y(p[1])}" r="4" stroke="none"><title>${id.replace(/[<&]/g, '')}: ${p[0].toLocaleString('en')}/s at p99 ${p[1]} ms, ${p[2]} loop</title></circle>`;
      out += '</g>';
    });
    const names = chosen.map((id, n) => { const item = document.createElement('li'); item.style.color = `var(--s${n % 10})`; item.textContent = id; return item; });
    box.innerHTML = `<svg viewBox="0 0 ${W} ${H}" width="${W}" height="${H}" role="img" aria-label="Load curves of ${chosen.length} runs">${out}</svg><ul></ul>`;
    box.querySelector('ul').append(...names);
  }
  table.tHead.rows[0].insertAdjacentHTML('afterbegin', '<th scope="col" title="draw"></th>');
  for (const row of table.tBodies[0].rows) {
    const cell = row.insertCell(0), input = document.createElement('input');
    input.type = 'checkbox'; input.value = row.cells[1].textContent.trim(); input.disabled = !curves[input.value]?.length;
    input.setAttribute('aria-label', 'draw ' + input.value); input.onchange = draw; cell.append(input);
  }
  draw();
})();
