# One image for every Llamero process; the command says which: api, worker or dispatcher.
FROM node:24-bookworm-slim AS install
WORKDIR /app
COPY package.json package-lock.json ./
COPY apps ./apps
COPY packages ./packages
RUN npm install --global npm@11.19.1 \
 && npm ci --omit=dev --ignore-scripts \
 && npm cache clean --force

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    MODELS_DIR=/models \
    LLAMERO_MODELS=/app/models/tiny/tiny.gguf
WORKDIR /app
COPY --from=install --chown=node:node /app ./
COPY --chown=node:node models ./models
RUN mkdir -p /models /files && chown node:node /models /files
USER node
EXPOSE 3000
ENTRYPOINT ["node", "apps/cli/src/main.ts"]
CMD ["api"]
