// The shell sets the words before this page loads; it hears the buttons as refused navigations.
document.getElementById("what").textContent = window.skepStartError;
document.getElementById("again").focus();
