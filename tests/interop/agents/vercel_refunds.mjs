// An agent of Vercel's AI SDK with its test model: a search, a tool that works, one that fails and is tried again, then an answer.
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { generateText, stepCountIs, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { z } from "zod";

const exporter = new OTLPTraceExporter({ url: `${process.argv[2]}/v1/traces` });
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "refunds", "service.version": "3.1" }),
  spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 60_000 })],
});
provider.register();

const calls = (toolCallId, toolName, input) => ({ type: "tool-call", toolCallId, toolName, input: JSON.stringify(input) });
const turn = (finish, ...content) => ({
  content,
  finishReason: { unified: finish, raw: finish },
  usage: {
    inputTokens: { total: 50, noCache: 40, cacheRead: 10, cacheWrite: 0 },
    outputTokens: { total: 9, text: 6, reasoning: 3 },
  },
  warnings: [],
});
const model = new MockLanguageModelV3({
  provider: "fake",
  modelId: "fake-model-1",
  doGenerate: [
    turn("tool-calls", { type: "reasoning", text: "The order has to be known first." }, calls("c1", "lookup_order", { order_id: "A-7" })),
    turn("tool-calls", calls("c2", "search_policies", { query: "refunds" })),
    turn("tool-calls", calls("c3", "issue_refund", { order_id: "A-7", amount: 12.5 })),
    turn("tool-calls", calls("c4", "issue_refund", { order_id: "A-7", amount: 12 })),
    turn("stop", { type: "text", text: "The refund could not be issued." }),
  ],
});

const { text } = await generateText({
  model,
  system: "You refund orders.",
  prompt: "Refund order A-7, please.",
  stopWhen: stepCountIs(6),
  tools: {
    lookup_order: tool({
      description: "Find an order.",
      inputSchema: z.object({ order_id: z.string() }),
      execute: async ({ order_id }) => ({ order_id, total: 12.5 }),
    }),
    search_policies: tool({
      description: "Find what the house's rules say.",
      inputSchema: z.object({ query: z.string() }),
      execute: async () => [{ id: "p-1", content: "Refunds within 14 days." }],
    }),
    issue_refund: tool({
      description: "Pay money back.",
      inputSchema: z.object({ order_id: z.string(), amount: z.number() }),
      execute: async () => {
        throw new Error("payment gateway returned 503");
      },
    }),
  },
  experimental_telemetry: {
    isEnabled: true,
    functionId: "refund_agent",
    metadata: { sessionId: "thread-1", userId: "customer-9", tariff: "gold" },
  },
});
console.log(text);
await provider.shutdown();
