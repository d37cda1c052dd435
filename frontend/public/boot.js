// Before the first paint: the colour scheme and the language the reader chose last, and what this address will need of
// the server. After it: the page's own script. A file, as the CSP allows no inline script.
(() => {
  const PAINT_MS = 500;
  const PATIENCE_MS = 20_000;
  const read = (store, key) => {
    try {
      return window[store].getItem(key);
    } catch {
      return null;
    }
  };
  const chosen = read('localStorage', 'agw.scheme');
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  const root = document.documentElement;
  root.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light');
  const language =
    read('localStorage', 'agw.language') ?? navigator.languages.find((tag) => /^(en|fr)\b/i.test(tag)) ?? 'en';
  root.lang = language.toLowerCase().startsWith('fr') ? 'fr' : 'en';
  const hasSession = read('sessionStorage', 'agw.session') !== null;
  root.dataset.opens = hasSession ? 'screen' : 'sign-in';

  // The sources are served without these two: there the page's script stands in the page.
  const files = document.querySelector('meta[name="agw-files"]');
  if (files === null) return;
  const names = files.content.split(' ');
  const screen = hasSession ? location.pathname.split('/')[1] || 'overview' : 'sign-in';
  const needed = files.getAttribute(`data-${screen}-${root.lang}`)?.split(' ') ?? [];
  for (const name of needed.map((index) => names[index])) {
    const isStyle = name.endsWith('.css');
    const link = document.createElement('link');
    Object.assign(link, { rel: isStyle ? 'preload' : 'modulepreload', fetchPriority: 'low', crossOrigin: '' });
    if (isStyle) link.as = 'style';
    link.href = `/assets/${name}`;
    document.head.append(link);
  }
  // While the page has not replaced it.
  const tellFailure = () => {
    const failure = document.querySelector('.first-failure');
    if (failure === null) return;
    failure.hidden = false;
    failure.querySelector('button').onclick = () => location.reload();
  };
  const onError = () => {
    // A file that did not come may come the next time; then the reader decides.
    if (performance.getEntriesByType('navigation')[0]?.type === 'reload') tellFailure();
    else location.reload();
  };
  let isStarted = false;
  const start = () => {
    if (isStarted) return;
    isStarted = true;
    const { href } = document.querySelector('link[data-entry]');
    document.head.append(
      Object.assign(document.createElement('script'), { type: 'module', crossOrigin: '', src: href, onerror: onError }),
    );
    setTimeout(tellFailure, PATIENCE_MS);
  };
  document.addEventListener('DOMContentLoaded', () => {
    // A page that nobody sees is not painted.
    if (document.hidden) start();
    else requestAnimationFrame(() => setTimeout(start));
    // Nor is one whose browser has no time to: it shall work all the same.
    setTimeout(start, PAINT_MS);
  });
})();
