export default {
  dropHere: 'Drop an audio or video file here',
  chooseFile: 'Choose a file',
  audioFile: 'Audio file',
  play: 'Play',
  pause: 'Pause',
  back: { one: 'Back {count} second', other: 'Back {count} seconds' },
  forward: { one: 'Forward {count} second', other: 'Forward {count} seconds' },
  place: '{time} of {total}',
  placeInRecording: 'Place in the recording',
  cannotPlay: 'This recording cannot be played here',
  cannotPlayFix:
    'The browser does not know its format, or it is not on the server any more. The result is not affected.',
} as const;
