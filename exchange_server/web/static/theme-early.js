// Before the first paint: the theme that was chosen here, if one was. Not a module, so that it runs at once.
try {
  const chosen = localStorage.getItem("exos-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; then the system's theme is shown.
}
