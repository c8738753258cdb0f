// Sets light or dark before the first paint. A file of its own: the content policy allows no inline script.
(function () {
  var choice = null;
  try {
    choice = JSON.parse(localStorage.getItem("orca.theme"));
  } catch (error) {
    choice = null;
  }
  var host = /BBL-Slicer\/\S+ \((dark|light)\)/.exec(navigator.userAgent);
  var system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  var isChosen = choice === "light" || choice === "dark";
  document.documentElement.dataset.theme = isChosen ? choice : host ? host[1] : system;
})();
