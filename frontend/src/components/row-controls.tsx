/** Controls of a long list's rows: plain elements, for a row that comes into view is made anew within a frame. */
import type { ButtonHTMLAttributes, InputHTMLAttributes } from 'react';
import classes from './row-controls.module.css';

type Named<Attributes> = Omit<Attributes, 'className' | 'type'> & { 'aria-label': string };

export function RowCheckbox(props: Named<InputHTMLAttributes<HTMLInputElement>>) {
  return <input {...props} type="checkbox" className={classes.checkbox} />;
}

/** Its content is an icon. */
export function RowButton(props: Named<ButtonHTMLAttributes<HTMLButtonElement>>) {
  return <button {...props} type="button" className={classes.button} />;
}
