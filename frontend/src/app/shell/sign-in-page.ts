import { lazyPage } from '../lazy-page.tsx';

export const SignInPage = lazyPage(() => import('../../features/sign-in/sign-in-page.tsx'), 'SignInPage');
