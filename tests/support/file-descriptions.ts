/** Uploads that are no sound but name a file that is: what a careless decoder would follow. */
const SDP = 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n';

/** Descriptions of sound that lies in `target`, beside them. */
export const DESCRIPTIONS: Readonly<Record<string, (target: string) => string>> = {
  m3u8: (target) => `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${target}\n#EXT-X-ENDLIST\n`,
  ffconcat: (target) => `ffconcat version 1.0\nfile ${target}\n`,
  mpd: (target) =>
    `<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S">` +
    `<Period><AdaptationSet mimeType="audio/mp4"><Representation id="0" bandwidth="1000"><BaseURL>${target}</BaseURL>` +
    `</Representation></AdaptationSet></Period></MPD>\n`,
  sdp: (target) => `${SDP}a=control:${target}\n`,
  pls: (target) => `[playlist]\nFile1=${target}\nNumberOfEntries=1\n`,
  xspf: (target) =>
    `<?xml version="1.0"?><playlist><trackList><track><location>${target}</location></track></trackList></playlist>`,
};
