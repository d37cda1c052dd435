import { Link } from '@tanstack/react-router';
import { useT } from '../../lib/i18n/use-t.ts';
import { messages } from '../messages.ts';
import { GROUPS } from '../screens.ts';
import classes from './screen-list.module.css';

export interface ScreenListProps {
  role: 'admin' | 'user';
  onNavigate?: () => void;
}

/** The screens a key opens, in their groups. */
export function ScreenList({ role, onNavigate }: ScreenListProps) {
  const t = useT(messages);
  const groups = GROUPS.map(({ name, screens }) => ({
    name,
    screens: screens.filter(({ forUsers }) => role === 'admin' || forUsers),
  })).filter(({ screens }) => screens.length > 0);
  return groups.map(({ name, screens }) => (
    <section key={name} className={classes.group} aria-label={t(name)}>
      {/* The section has its name; a heading here would stand before the page's own. */}
      <p className={classes.name} aria-hidden>
        {t(name)}
      </p>
      <ul>
        {screens.map((screen) => (
          <li key={screen.name}>
            <Link
              to={screen.to}
              className={classes.link}
              activeOptions={{ exact: screen.to === '/', includeSearch: false }}
              {...(onNavigate !== undefined && { onClick: onNavigate })}
            >
              <screen.icon size={18} stroke={1.75} aria-hidden />
              {t(screen.name)}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  ));
}
