/** Pages whose code is loaded when somebody goes there. */
import { type ComponentType, use } from 'react';
import { getSession } from '../api/session.ts';

export interface LazyPage {
  (): React.ReactNode;
  /** The router calls it before every visit, and when the pointer is over a link. */
  preload: () => Promise<void>;
}

export interface LazyScreen extends LazyPage {
  /** As `preload`, whoever is signed in. */
  load: () => Promise<void>;
}

/** A screen: where nobody is signed in yet, its code comes after the sign-in page. */
export function lazyScreen<Name extends string>(
  load: () => Promise<Record<Name, ComponentType>>,
  name: NoInfer<Name>,
): LazyScreen {
  const Page = lazyPage(load, name);
  const { preload } = Page;
  return Object.assign(Page, {
    load: preload,
    preload: async () => {
      if (getSession().state !== 'signed-out') await preload();
    },
  });
}

export function lazyPage<Name extends string>(
  load: () => Promise<Record<Name, ComponentType>>,
  name: NoInfer<Name>,
): LazyPage {
  let loading: Promise<ComponentType> | undefined;
  let hasFailed = false;
  const begin = () => {
    hasFailed = false;
    loading = load().then((module) => module[name]);
    loading.catch(() => {
      hasFailed = true;
    });
    return loading;
  };
  const Page = () => {
    // A failed load stays failed until the next visit: rendering it anew would ask for ever.
    const Screen = use(loading ?? begin());
    return <Screen />;
  };
  const preload = async () => {
    await (loading === undefined || hasFailed ? begin() : loading);
  };
  return Object.assign(Page, { preload });
}
