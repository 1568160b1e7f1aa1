// Drawings of 24 by 24, as paths.

const ICONS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M8 8h8v8H8z",
  settings: "M4 8h9m5 0h2M4 16h2m5 0h9M13 8a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M6 16a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0",
  more: "M5 12h.1M12 12h.1M19 12h.1",
  close: "M6 6l12 12M18 6L6 18",
  up: "M7 11l4-7c1.5 0 2.5 1 2.5 2.5V10H18a2 2 0 0 1 2 2.3l-1 6A2 2 0 0 1 17 20H7zM7 11H4v9h3",
  down: "M7 13l4 7c1.5 0 2.5-1 2.5-2.5V14H18a2 2 0 0 0 2-2.3l-1-6A2 2 0 0 0 17 4H7zM7 13H4V4h3",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  again: "M20 11a8 8 0 1 0-2.3 6.7M20 5v6h-6",
  edit: "M4 20l1-5L16 4l4 4L9 19z",
  back: "M14 6l-6 6 6 6",
  next: "M10 6l6 6-6 6",
  theme: "M20 14a8 8 0 1 1-10-10a6.5 6.5 0 0 0 10 10z",
  pair: "M4 5h7v14H4zM13 5h7v14h-7z",
  vote: "M5 20V10m7 10V4m7 16v-7",
};
