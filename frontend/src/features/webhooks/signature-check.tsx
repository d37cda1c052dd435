import { Tabs } from '@mantine/core';
import { CodeBlock } from '../../components/code-block.tsx';
import { SIGNATURE_SNIPPETS } from './signature-snippet.ts';

export function SignatureCheck() {
  return (
    <Tabs defaultValue="Node">
      <Tabs.List mb="sm">
        {Object.keys(SIGNATURE_SNIPPETS).map((name) => (
          <Tabs.Tab key={name} value={name}>
            {name}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {Object.entries(SIGNATURE_SNIPPETS).map(([name, code]) => (
        <Tabs.Panel key={name} value={name}>
          <CodeBlock>{code}</CodeBlock>
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}
