/** The style nonce of this very answer of the server: styles that scripts insert are refused without it (also wavesurfer's `cspNonce`). */
import { setNonce } from 'get-nonce';

export const styleNonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';

// The scroll lock under Mantine's dialogs asks here.
setNonce(styleNonce);
