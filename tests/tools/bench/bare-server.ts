/** What the gateway's overhead is measured against: Express and multer receive the same upload and answer at once. */
import { rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import express from 'express';
import multer from 'multer';

const [folder = ''] = process.argv.slice(2);
const upload = multer({ storage: multer.diskStorage({ destination: folder }) });
const app = express();
app.post('/v1/audio/transcriptions', upload.single('file'), async (request, response) => {
  response.json({ text: '', usage: { type: 'duration', seconds: 1 } });
  if (request.file !== undefined) await rm(request.file.path);
});
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
process.on('disconnect', () => process.exit(0));
