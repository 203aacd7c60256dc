"use strict";
// Tables that can be sorted by any column, and filtered. Without this script they are plain tables.
(() => {
  const words = new Intl.Collator("en", { numeric: true });
  const next = { none: "ascending", ascending: "descending", descending: "none" };

  // Empty cells come last in both directions; numbers come before words.
  function compared(a, b, sign) {
    if (!a.text || !b.text) return !a.text - !b.text;
    if (a.number !== null && b.number !== null) return sign * (a.number - b.number || 0);
    if (a.number !== null || b.number !== null) return (a.number === null) - (b.number === null);
    return sign * words.compare(a.text, b.text);
  }

  function key(cell) {
    const value = cell.dataset.value;
    return { text: cell.textContent.trim(), number: value === undefined ? null : Number(value) };
  }

  function sort(table, column, direction) {
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => a.dataset.place - b.dataset.place);
    const sign = direction === "descending" ? -1 : 1;
    const keyed = rows.map((row) => ({ row, key: key(row.cells[column]) }));
    if (direction !== "none") keyed.sort((a, b) => compared(a.key, b.key, sign));
    table.tBodies[0].append(...keyed.map(({ row }) => row));
    for (const heading of table.tHead.rows[0].cells) heading.removeAttribute("aria-sort");
    if (direction !== "none") {
      table.tHead.rows[0].cells[column].setAttribute("aria-sort", direction);
    }
  }

  function sortable(table) {
    [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.place = place; });
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = "sort; a third time: the first order";
      button.append(...heading.childNodes);
      button.addEventListener("click", () => {
        sort(table, column, next[heading.getAttribute("aria-sort") || "none"]);
      });
      heading.append(button);
    });
  }

  function filterable(root) {
    const which = document.getElementById("which");
    const wanted = document.getElementById("filter");
    const count = document.getElementById("count");
    const boards = [...root.querySelectorAll(".board")].map((board) => ({
      board,
      id: board.dataset.heading,
      rows: [...board.querySelectorAll("tbody tr")].map((row) => (
        { row, text: row.textContent.toLowerCase() }
      )),
    }));
    const total = boards.reduce((sum, { rows }) => sum + rows.length, 0);

    function filter() {
      const parts = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const { board, id, rows } of boards) {
        const chosen = which.value === "" || which.value === id;
        let fitting = 0;
        for (const { row, text } of rows) {
          row.hidden = !parts.every((part) => text.includes(part));
          fitting += !row.hidden;
        }
        board.hidden = !chosen || (parts.length > 0 && fitting === 0);
        shown += chosen ? fitting : 0;
      }
      count.textContent = `${shown} of ${total} rows shown`;
    }

    wanted.addEventListener("input", filter);
    which.addEventListener("change", filter);
    window.addEventListener("hashchange", () => {
      if (document.getElementById(location.hash.slice(1))?.closest(".board[hidden]")) {
        which.value = wanted.value = "";
        filter();
        document.getElementById(location.hash.slice(1)).scrollIntoView();
      }
    });
    filter(); // a page that was reloaded may keep what was typed
    document.getElementById("filters").hidden = false;
  }

  document.querySelectorAll("main table").forEach((table) => table.tHead && sortable(table));
  filterable(document.getElementById("boards"));
})();
