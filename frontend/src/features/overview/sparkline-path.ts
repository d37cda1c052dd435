/** An SVG path through the values, zero at the bottom, the greatest at the top; a gap begins a new line. */
export function sparklinePath(values: readonly (number | null)[], width: number, height: number): string {
  const most = Math.max(0, ...values.filter((value) => value !== null));
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let isDrawing = false;
  const commands = values.map((value, index) => {
    if (value === null) {
      isDrawing = false;
      return '';
    }
    const y = most === 0 ? height - 1 : height - 1 - (value / most) * (height - 2);
    const command = `${isDrawing ? 'L' : 'M'}${round(index * step)} ${round(y)}`;
    isDrawing = true;
    return command;
  });
  return commands.join('');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
