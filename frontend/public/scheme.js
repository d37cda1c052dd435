// Before the first paint: the colour scheme and the language the reader chose last. A file, as the CSP allows no inline script.
(() => {
  const read = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const chosen = read('agw.scheme');
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  const root = document.documentElement;
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
  const language = read('agw.language') ?? navigator.languages.find((tag) => /^(en|fr)\b/i.test(tag)) ?? 'en';
  root.lang = language.toLowerCase().startsWith('fr') ? 'fr' : 'en';
})();
