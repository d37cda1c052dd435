import { ActionIcon } from '@mantine/core';
import type { TablerIcon } from '@tabler/icons-react';
import { type ReactNode, useId, useRef } from 'react';
import classes from './header-menu.module.css';

export interface HeaderMenuProps {
  label: string;
  Icon: TablerIcon;
  /** @param close for what has done its work. */
  children: (close: () => void) => ReactNode;
}

/** A button and the browser's own popover: Escape and a click beside it close it, and it costs no script. */
export function HeaderMenu({ label, Icon, children }: HeaderMenuProps) {
  const id = useId();
  const popover = useRef<HTMLDivElement>(null);
  return (
    <>
      <ActionIcon aria-label={label} title={label} popoverTarget={id}>
        <Icon size={20} aria-hidden />
      </ActionIcon>
      <div ref={popover} id={id} popover="auto" className={classes.menu}>
        {children(() => popover.current?.hidePopover())}
      </div>
    </>
  );
}

export interface HeaderMenuItemProps {
  Icon?: TablerIcon;
  /** For one of several choices: whether it is in force. */
  isChosen?: boolean;
  lang?: string;
  onClick: () => void;
  children: ReactNode;
}

export function HeaderMenuItem({ Icon, isChosen, lang, onClick, children }: HeaderMenuItemProps) {
  return (
    <button type="button" className={classes.item} aria-pressed={isChosen} lang={lang} onClick={onClick}>
      {Icon !== undefined && <Icon size={16} aria-hidden />}
      {children}
    </button>
  );
}
